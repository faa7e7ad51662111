"""What the installed transformers knows, without torch and without running model code."""

from __future__ import annotations

import ast
import logging
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from mmport.anatomy.classes import find_class
from mmport.anatomy.decoder import heads
from mmport.core.errors import MalformedSource
from mmport.core.source_tree import SourceTree, package_folder

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


@cache
def plain_settings() -> frozenset[str]:
    """Name what any config has, whatever it is of."""
    _transformers()
    from transformers import PretrainedConfig

    return frozenset(PretrainedConfig().to_dict()) | {"model_type", "transformers_version"}


def config_type(class_name: str) -> str:
    """Name the model type of a config class, or nothing; of several the one of its own name."""
    _transformers()
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES

    types = [kind for kind, name in CONFIG_MAPPING_NAMES.items() if name == class_name]
    own = class_name.removesuffix("Config").lower()
    return min(types, key=lambda kind: kind.replace("_", "").replace("-", "") != own, default="")


def causal_lm_architecture(model_type: str) -> str | None:
    """Name the causal-LM class that transformers builds for a text model type."""
    _transformers()
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

    name: str | None = MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.get(model_type)
    return name


@cache
def causal_lm_types() -> Mapping[str, str]:
    """Map the causal-LM classes of transformers to the first model type of each."""
    _transformers()
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

    types: dict[str, str] = {}
    for model_type, name in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.items():
        types.setdefault(name, model_type)
    return types


def decoder_class(model_type: str) -> str | None:
    """Name the class that transformers' AutoModel makes of a model type."""
    _transformers()
    from transformers.models.auto.modeling_auto import MODEL_MAPPING_NAMES

    found = MODEL_MAPPING_NAMES.get(model_type)
    return found if isinstance(found, str) or not found else str(found[0])


def is_image_text_model(model_type: str) -> bool:
    """Tell whether transformers has an image-text-to-text class for a model type."""
    _transformers()
    from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES

    return model_type in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES


def processor_class(model_type: str) -> str | None:
    """Name the processor class that transformers has for a model type."""
    _transformers()
    from transformers.models.auto.processing_auto import PROCESSOR_MAPPING_NAMES

    name: str | None = PROCESSOR_MAPPING_NAMES.get(model_type)
    return name


def auto_class(model_type: str) -> str | None:
    """Name the auto class that loads a multimodal model of a type, if one does."""
    _transformers()
    # Without torch the names can be had, but not the module.
    from transformers.models.auto.modeling_auto import (
        MODEL_FOR_MULTIMODAL_LM_MAPPING_NAMES,
        MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES,
    )

    if is_image_text_model(model_type):
        return "AutoModelForImageTextToText"
    if model_type in MODEL_FOR_MULTIMODAL_LM_MAPPING_NAMES:
        return "AutoModelForMultimodalLM"
    # Those that hear are among the translators and summarizers of text alone.
    listens = model_type in MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES
    return "AutoModelForSeq2SeqLM" if listens and processor_class(model_type) else None


def multimodal_architecture(model_type: str) -> str | None:
    """Name the class that transformers builds for a multimodal model type."""
    _transformers()
    from transformers.models.auto import modeling_auto

    for mapping in (
        modeling_auto.MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES,
        modeling_auto.MODEL_FOR_MULTIMODAL_LM_MAPPING_NAMES,
        modeling_auto.MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES,
    ):
        if model_type in mapping:
            return str(mapping[model_type])
    return None


def exports(name: str) -> bool:
    """Tell whether transformers gives a name at its top."""
    return name in dir(_transformers())


@cache
def processor_source(model_type: str, class_name: str = "") -> ast.Module | None:
    """Read the module that defines a model type's processor, or the processor named.

    None if transformers has no such processor.
    """
    name = class_name or processor_class(model_type)
    if not name:
        return None
    _transformers()
    from transformers.models.auto.configuration_auto import model_type_to_module_name

    own = model_type_to_module_name(model_type)
    for path in _processing_modules(own):
        if f"class {name}(" in path.read_text(encoding="utf-8"):
            return ast.parse(path.read_text(encoding="utf-8"))
    return None


def _processing_modules(first: str) -> list[Path]:
    """List the modules that define processors, those in the folder named `first` leading."""
    folder = _library() / "models"
    return sorted(folder.glob("*/processing_*.py"), key=lambda path: path.parent.name != first)


@cache
def base_prefix(model_type: str, architecture: str) -> str:
    """Name the decoder's attribute in a causal-LM class, from transformers' source.

    It is `base_model_prefix` of the class or the nearest of its bases.
    """
    tree = source_tree()
    found = tree.find_class(modeling_module(model_type), architecture)
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
    """Name the settings by which a class changes its logits after the head."""
    found = find_class(source_tree(), modeling_module(model_type), architecture)
    return heads.head_arithmetic(found) if found else ()


@cache
def activations() -> frozenset[str]:
    """Name the activation functions that transformers knows, from its source."""
    tree = source_tree().module("transformers.activations")
    for node in tree.body if tree else ():
        match node:
            case ast.Assign(targets=[ast.Name(id="ACT2CLS")], value=ast.Dict(keys=keys)):
                return frozenset(
                    key.value
                    for key in keys
                    if isinstance(key, ast.Constant) and isinstance(key.value, str)
                )
    return frozenset()


def modeling_module(model_type: str) -> str:
    """Name the module that holds a model type's classes."""
    _transformers()
    from transformers.models.auto.configuration_auto import model_type_to_module_name

    folder = model_type_to_module_name(model_type)
    return f"transformers.models.{folder}.modeling_{folder}"


@cache
def source_tree() -> SourceTree:
    """Give the source of transformers."""
    return SourceTree(_library().parent)


def _library() -> Path:
    """The folder of the installed transformers."""
    folder = package_folder("transformers")
    if folder is None:
        raise ModuleNotFoundError("transformers is not installed")
    return folder


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
