"""A model's class and config, whoever wrote them: transformers, or the repo itself."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from mmport.anatomy.classes import ModelClass, library_module, own_attributes
from mmport.anatomy.repo_code.carry import carry
from mmport.anatomy.repo_code.configs import RepoConfig, read_config
from mmport.core.errors import MalformedSource, NotPortable
from mmport.core.source_tree import SourceTree
from mmport.hub.source import ModelSource
from mmport.inspection import hf_library
from mmport.model.spec import Anatomy

TEXT_KEYS = ("text_config", "llm_config", "language_config")
"""What the language model's part of a config is called."""
_FOUND_KEYS = frozenset({"text_config", "decoder", "generator", "text_encoder", "llm_config"})
"""Parts that transformers finds by their names, and one that vLLM renames to such a name."""
_MODEL_CLASSES = "AutoModel"


@dataclass(frozen=True, slots=True)
class OpenedModel:
    """Where a model's class is, and what its config says, as attributes and as values.

    `texts` is the repo's own code by module name; empty where transformers has
    the class. `config` has the values as attributes.
    """

    architecture: str
    model_type: str
    module: str
    tree: SourceTree
    config: Any
    values: Mapping[str, Any]
    text_config: Any
    origin: str = ""
    texts: Mapping[str, str] = field(default_factory=dict)
    classes: Mapping[str, str] = field(default_factory=dict)
    """By key, the classes of the config's parts that are the repo's own."""

    def carried(self, anatomy: Anatomy) -> tuple[tuple[str, str], ...]:
        """Cut from the repo's code what a port of this anatomy needs, by module name.

        Raises:
            MalformedSource: the code cannot be followed.
        """
        if not self.texts:
            return ()
        wanted: dict[str, list[str]] = {}
        methods = [one.name for one in anatomy.methods if not one.source]
        inline = [one.source for one in anatomy.methods if one.source]
        inline += [*anatomy.statements, *(text for _, text in anatomy.helpers)]
        helpers = {name for name, _ in anatomy.helpers}
        own = [name for name in (*methods, *_own_names(inline)) if name not in helpers]
        wanted[anatomy.module] = [f"{anatomy.owner}.{name}" for name in own] or [
            f"{anatomy.owner}."
        ]
        if (nested := anatomy.within) is not None and nested.module in self.texts:
            used = (*nested.methods, *_own_names(list(nested.statements)))
            names = [f"{nested.owner}.{name}" for name in used or ("",)]
            wanted.setdefault(nested.module, []).extend(names)
        for item in anatomy.imports:
            if item.module in self.texts:
                wanted.setdefault(item.module, []).append(item.name)
        return tuple(carry(self.texts, wanted, origin=self.origin).items())

    def own_decoder(self, top: ModelClass, anatomy: Anatomy) -> ModelClass | None:
        """Find the decoder's class, if that is the repo's own and no more than a decoder.

        Raises:
            NotPortable: the config is of the repo's own type, and there is no such class.
        """
        nested = anatomy.within.attribute if anatomy.within else anatomy.path
        found = None if anatomy.language_model == nested else top
        for name in anatomy.language_model.split("."):
            found = found and _built(found, name)
        if found is not None and found.module in self.texts:
            parts = (_built(found, name) for name, _ in found.attributes())
            inner = (part for part in parts if part and part.module in self.texts)
            return found if _has_layers(found) else next(filter(_has_layers, inner), None)
        if not hf_library.knows(str(getattr(self.text_config, "model_type", ""))):
            raise NotPortable(
                "the language model is of the repo's own type "
                f"{str(getattr(self.text_config, 'model_type', ''))[:80]!r}",
                "port the language model first, as a text model of its own",
            )
        return None


def library_model(config: Mapping[str, Any], architecture: str | None) -> OpenedModel:
    """Open a model of transformers.

    Raises:
        NotPortable: transformers has no such class.
        MalformedSource: transformers refuses the config.
    """
    model_type = str(config["model_type"])
    name = architecture or hf_library.multimodal_architecture(model_type) or model_type
    module = library_module(name)
    if module is None:
        raise NotPortable(
            f"transformers {hf_library.version()} has no class {name[:80]!r}",
            "mend `architectures` in the model's config.json",
        )
    built = hf_library.build_config(model_type, config)
    tree = hf_library.source_tree()
    return OpenedModel(
        name, model_type, module, tree, built, built.to_dict(), built.get_text_config()
    )


def has_own_model(config: Mapping[str, Any]) -> bool:
    """Tell whether a config names a model class of its repo's own."""
    references = config.get("auto_map")
    return isinstance(references, dict) and any(
        key.startswith(_MODEL_CLASSES) for key in references
    )


def own_model(source: ModelSource, config: Mapping[str, Any]) -> OpenedModel | None:
    """Open a model of a repo's own code; None where the repo brings none.

    Raises:
        NotPortable: its code lies in another repo.
        MalformedSource: the code is not there or no Python, or the language
            model's config is of no type that transformers knows.
    """
    if not has_own_model(config):
        return None
    texts = {
        name.removesuffix(".py"): source.read_text(name)
        for name in source.files
        if name.endswith(".py") and "/" not in name
    }
    module, architecture = _model_class(config["auto_map"], config)
    if module not in texts:
        raise MalformedSource(
            f"auto_map names {module}.py, which the repo does not have", "fetch the repo again"
        )
    read = read_config(config, texts, hf_library.config_type)
    text_config = _text_config(read)
    values = flat_defaults(read) | read.values
    return OpenedModel(
        architecture=architecture,
        model_type=str(config["model_type"]),
        module=module,
        tree=SourceTree(hf_library.source_tree().root, texts),
        config=SimpleNamespace(**values),
        values=values,
        text_config=text_config,
        origin=source.name if source.kind == "hub" else Path(source.name).name,
        texts=texts,
        classes=read.classes,
    )


def _model_class(references: Mapping[str, Any], config: Mapping[str, Any]) -> tuple[str, str]:
    """Choose the module and class that the repo maps to its model."""
    stated = config.get("architectures") or []
    found = [
        value
        for key, value in references.items()
        if key.startswith(_MODEL_CLASSES) and isinstance(value, str) and "." in value
    ]
    named = [value for value in found if value.rpartition(".")[2] in stated]
    chosen = next(iter(named or found), None)
    if chosen is None:
        raise NotPortable(
            "the auto_map of config.json has no model class", "mend auto_map in config.json"
        )
    repo, _, path = chosen.rpartition("--")
    if repo:
        raise NotPortable(f"the model's code lies in another repo, {repo[:80]!r}", "name that repo")
    module, _, name = path.rpartition(".")
    return module, name


def _text_config(read: RepoConfig) -> Any:
    """Build the language model's config; of a type of the repo's own, as its base would be.

    Raises:
        NotPortable: transformers would not find it.
    """
    key = _text_key(read)
    if key and not read.text and key not in _FOUND_KEYS:
        raise NotPortable(
            f"the config's class does not say that {key} is the language model's",
            "give it a get_text_config, without which transformers and vLLM take the whole config",
        )
    part = read.values[key] if key else read.values
    stated = str(part.get("model_type", ""))
    if key and hf_library.knows(stated):
        return hf_library.build_config(stated, part)
    model_type = hf_library.config_type(read.bases.get(key, "") if key else read.base)
    if hf_library.causal_lm_architecture(model_type) is None:
        return SimpleNamespace(**part)
    return hf_library.build_config(model_type, {**part, "model_type": model_type})


def _text_key(read: RepoConfig) -> str:
    """Name the part that is the language model's; empty where the config is that itself."""
    if read.text and isinstance(read.values.get(read.text), dict):
        return read.text
    parts = {key: part for key, part in read.values.items() if isinstance(part, dict)}
    known = [key for key in TEXT_KEYS if key in parts]
    if known or _is_text(read.base):
        return next(iter(known), "")
    texts = [
        key
        for key, part in parts.items()
        if hf_library.causal_lm_architecture(str(part.get("model_type", "")))
    ]
    return texts[0] if len(texts) == 1 else ""


def flat_defaults(read: RepoConfig) -> dict[str, Any]:
    """Give what a config inherits that is the language model's own, with more in it.

    Raises:
        MalformedSource: transformers refuses the values.
    """
    if _text_key(read) or not _is_text(read.base):
        return {}
    built = _text_config(read).to_dict()
    return {key: value for key, value in built.items() if key not in hf_library.plain_settings()}


def _is_text(class_name: str) -> bool:
    """Tell whether a config class of transformers is a language model's."""
    return hf_library.causal_lm_architecture(hf_library.config_type(class_name)) is not None


def _built(model: ModelClass, name: str) -> ModelClass | None:
    """Find the class of an attribute."""
    values = (value for attribute, value in model.attributes() if attribute == name)
    return next((built for value in values if (built := model.built(value))), None)


def _has_layers(model: ModelClass) -> bool:
    return any(name == "layers" for name, _ in model.attributes())


def _own_names(sources: list[str]) -> list[str]:
    """Name the methods of the class that a text calls."""
    return sorted(set().union(*(own_attributes(ast.parse(text)) for text in sources)))
