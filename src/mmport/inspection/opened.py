"""A model's class and config, whoever wrote them: transformers, or the repo itself."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from mmport.anatomy.carry import carry
from mmport.anatomy.classes import library_module, own_attributes
from mmport.anatomy.configs import read_config
from mmport.core.errors import MalformedSource, NotPortable
from mmport.core.source_tree import SourceTree
from mmport.hub.source import ModelSource
from mmport.inspection import hf_library
from mmport.model.spec import Anatomy

_TEXT_KEYS = ("text_config", "llm_config", "language_config")
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
        own = methods + _own_names(inline)
        wanted[anatomy.module] = [f"{anatomy.owner}.{name}" for name in own] or [
            f"{anatomy.owner}."
        ]
        for item in anatomy.imports:
            if item.module in self.texts:
                wanted.setdefault(item.module, []).append(item.name)
        return tuple(carry(self.texts, wanted, origin=self.origin).items())


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
    return OpenedModel(
        architecture=architecture,
        model_type=str(config["model_type"]),
        module=module,
        tree=SourceTree(hf_library.source_tree().root, texts),
        config=SimpleNamespace(**read.values),
        values=read.values,
        text_config=_text_config(read.values, read.text),
        origin=source.name if source.kind == "hub" else Path(source.name).name,
        texts=texts,
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


def _text_config(values: Mapping[str, Any], told: str) -> Any:
    """Build the language model's config, of a type that transformers knows.

    Raises:
        NotPortable: it is of the repo's own type.
    """
    key = told or next((key for key in _TEXT_KEYS if isinstance(values.get(key), dict)), "")
    part = values.get(key, values) if key else values
    model_type = str(part.get("model_type", ""))
    if not hf_library.knows(model_type):
        raise NotPortable(
            f"the language model is of the repo's own type {model_type[:80]!r}",
            "port the language model first, as a text model of its own",
        )
    return hf_library.build_config(model_type, part)


def _own_names(sources: list[str]) -> list[str]:
    """Name the methods of the class that a text calls."""
    return sorted(set().union(*(own_attributes(ast.parse(text)) for text in sources)))
