"""What a repo brings in code of its own: read as text here, run by the builder if it may be."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import Any

from mmport.anatomy.repo_code.configs import read_config
from mmport.core.errors import MalformedSource, NotPortable
from mmport.hub.source import ModelSource
from mmport.inspection import hf_library
from mmport.inspection.opened import flat_defaults
from mmport.reference_models.resolve import has_own_code

# The auto classes that a repo may map to its model, the most telling first.
_AUTO_CLASSES = (
    "AutoModelForImageTextToText",
    "AutoModelForVision2Seq",
    "AutoModelForMultimodalLM",
    "AutoModelForCausalLM",
    "AutoModelForConditionalGeneration",
    "AutoModelForSeq2SeqLM",
    "AutoModel",
)


@dataclass(frozen=True, slots=True)
class TinySource:
    """What a tiny checkpoint is made like: a config, perhaps with a repo's files.

    `layout` is the one of the source's own weights; None where that is not known.
    `small` are values by dotted path to be set after shrinking.
    """

    name: str
    config: dict[str, Any]
    files: ModelSource | None
    layout: str | None
    small: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OwnCode:
    """A repo's Python files by name, its processor's source, and the class that loads it."""

    files: dict[str, str] = field(default_factory=dict)
    processor: ast.Module | None = None
    auto_class: str = ""


def own_code(source: TinySource) -> OwnCode:
    """Read a repo's own code, if its model cannot do without.

    Raises:
        NotPortable: the repo maps none of the usual auto classes to its model.
        MalformedSource: a file is not Python.
    """
    if source.files is None or not has_own_code(source.config):
        return OwnCode()
    names = [name for name in source.files.files if name.endswith(".py") and "/" not in name]
    files = {name: source.files.read_text(name) for name in names}
    return OwnCode(files, _processor(source.files, files), _auto_class(source.config))


def with_defaults(source: ModelSource, config: dict[str, Any]) -> dict[str, Any]:
    """Fill in what the repo's own config class has as defaults, which `config.json` may omit.

    Raises:
        MalformedSource: the class cannot be found or read.
    """
    names = [name for name in source.files if name.endswith(".py") and "/" not in name]
    modules = {name.removesuffix(".py"): source.read_text(name) for name in names}
    read = read_config(config, modules, hf_library.config_type)
    return flat_defaults(read) | read.filled


def _auto_class(config: dict[str, Any]) -> str:
    for name in _AUTO_CLASSES:
        if name in config["auto_map"]:
            return name
    raise NotPortable(
        "the auto_map of config.json has no model class",
        f"it needs one of: {', '.join(_AUTO_CLASSES)}",
    )


def _processor(source: ModelSource, files: dict[str, str]) -> ast.Module | None:
    """Read the module of the processor that the repo's settings name, if they name one."""
    for name in ("processor_config.json", "preprocessor_config.json", "tokenizer_config.json"):
        settings = source.read_json(name) if source.has(name) else {}
        reference = (settings.get("auto_map") or {}).get("AutoProcessor")
        if isinstance(reference, str):
            module = f"{reference.rpartition('--')[2].partition('.')[0]}.py"
            return _parsed(module, files.get(module, ""))
    return None


def _parsed(name: str, text: str) -> ast.Module:
    try:
        return ast.parse(text)
    except SyntaxError as error:
        raise MalformedSource(
            f"{name} is not Python: {error.msg} in line {error.lineno}", "mend the repo's code"
        ) from error
