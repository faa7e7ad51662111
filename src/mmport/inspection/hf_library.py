"""What the installed transformers knows, without torch and without running model code."""

from __future__ import annotations

import ast
import importlib.util
import logging
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from mmport.core.errors import MalformedSource
from mmport.core.source_tree import SourceTree

_DEFAULT_PREFIX = "model"


def version() -> str:
    """Name the installed release of transformers."""
    return str(_transformers().__version__)


def knows(model_type: str) -> bool:
    """Tell whether transformers has a config class for a model type."""
    _transformers()
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING

    return model_type in CONFIG_MAPPING


def build_config(model_type: str, values: Mapping[str, Any]) -> Any:
    """Build a config as transformers does: its class's defaults filled in, its types checked.

    Raises:
        MalformedSource: the class refuses the values.
    """
    _transformers()
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING

    try:
        return CONFIG_MAPPING[model_type].from_dict(dict(values))
    except Exception as error:  # a config class may raise anything on values it did not expect
        raise MalformedSource(
            f"config.json is no valid {model_type} config: {_told(error)}",
            "mend the model's config.json; transformers refuses it too",
        ) from error


def causal_lm_architecture(model_type: str) -> str | None:
    """Name the causal-LM class that transformers builds for a text model type."""
    _transformers()
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

    name: str | None = MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.get(model_type)
    return name


def is_image_text_model(model_type: str) -> bool:
    """Tell whether transformers has an image-text-to-text class for a model type."""
    _transformers()
    from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES

    return model_type in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES


@cache
def base_prefix(model_type: str, architecture: str) -> str:
    """Name the decoder's attribute in a causal-LM class, from transformers' source.

    It is `base_model_prefix` of the class or the nearest of its bases.
    """
    tree = _source()
    found = tree.find_class(_modeling(model_type), architecture)
    for item in tree.lineage(found) if found else ():
        for node in item.node.body:
            match node:
                case ast.Assign(
                    targets=[ast.Name(id="base_model_prefix")],
                    value=ast.Constant(value=str(prefix)),
                ) if prefix.isidentifier():
                    return prefix
    return _DEFAULT_PREFIX


@cache
def head_arithmetic(model_type: str, architecture: str) -> tuple[str, ...]:
    """Name the settings by which a class changes its logits after the head.

    From the source of its `forward`: what stands on the right of an assignment
    to `logits` and is no call. `logits * self.logit_scale` gives `logit_scale`.
    """
    found = _source().find_class(_modeling(model_type), architecture)
    body = found.node.body if found else ()
    names = {
        node.attr
        for method in body
        if isinstance(method, ast.FunctionDef) and method.name == "forward"
        for assignment in ast.walk(method)
        if isinstance(assignment, ast.Assign) and _assigns(assignment, "logits")
        for node in _settings(assignment.value)
    }
    return tuple(sorted(names))


def _assigns(assignment: ast.Assign, name: str) -> bool:
    return any(isinstance(item, ast.Name) and item.id == name for item in assignment.targets)


def _settings(value: ast.expr) -> list[ast.Attribute]:
    """Find the outermost attributes of `self` in an expression that are not called."""
    called = {id(node.func) for node in ast.walk(value) if isinstance(node, ast.Call)}
    inner = {id(node.value) for node in ast.walk(value) if isinstance(node, ast.Attribute)}
    return [
        node
        for node in ast.walk(value)
        if isinstance(node, ast.Attribute)
        and id(node) not in called | inner
        and ast.unparse(node).startswith("self.")
    ]


@cache
def activations() -> frozenset[str]:
    """Name the activation functions that transformers knows, from its source."""
    tree = _source().module("transformers.activations")
    for node in tree.body if tree else ():
        match node:
            case ast.Assign(targets=[ast.Name(id="ACT2CLS")], value=ast.Dict(keys=keys)):
                return frozenset(
                    key.value
                    for key in keys
                    if isinstance(key, ast.Constant) and isinstance(key.value, str)
                )
    return frozenset()


def _modeling(model_type: str) -> str:
    """Name the module that holds a model type's classes."""
    _transformers()
    from transformers.models.auto.configuration_auto import model_type_to_module_name

    folder = model_type_to_module_name(model_type)
    return f"transformers.models.{folder}.modeling_{folder}"


@cache
def _source() -> SourceTree:
    found = importlib.util.find_spec("transformers")
    if found is None or found.origin is None:
        raise ModuleNotFoundError("transformers is not installed")
    return SourceTree(Path(found.origin).parent.parent)


@cache
def _transformers() -> Any:
    """Import transformers, keeping its talk of a missing torch and odd configs to itself."""
    logger = logging.getLogger("transformers")
    logger.addFilter(_silent)
    import transformers

    transformers.logging.set_verbosity_error()
    return transformers


def _silent(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.ERROR


def _told(error: Exception) -> str:
    """Put an exception's message on one short line; a KeyError's is a bare key."""
    text = " ".join(str(error).split())[:200]
    return f"{type(error).__name__}: {text}" if isinstance(error, KeyError) or not text else text
