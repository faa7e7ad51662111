"""A processor made offline from its classes' defaults, with small sizes."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

Payload = Mapping[str, Any]

_LARGE = 4096
"""From this on a size of a processor counts pixels of the area, not of a side."""

_SHARED = ("patch_size", "merge_size", "pinpoints", "_seq_len", "_seq_length")
"""Endings of settings that go by the same name in the config."""

_SAME = {
    "merge_size": ("spatial_merge_size", "merge_size"),
    "image_seq_len": ("image_seq_len", "image_seq_length"),
    "image_seq_length": (
        "image_seq_length",
        "mm_tokens_per_image",
        "vision_soft_tokens_per_image",
    ),
    "audio_seq_length": ("audio_seq_length", "audio_soft_tokens_per_image"),
    "num_image_tokens": ("num_image_tokens", "image_seq_length", "image_patches"),
    "feature_size": ("num_mel_bins", "n_mel_bins"),
}
"""Settings that go by another name in the config."""


def make_processor(folder: Path, payload: Payload, config: Any, tokenizer: Any) -> Any:
    """Make the processor of a config and give it, not yet saved.

    Each part is of the class that transformers maps to the config, its defaults
    changed where the small config wants it: sizes in pixels, patch and merge
    sizes, counts that the config has under the same name. The family's own
    settings come last.

    Raises:
        RuntimeError: transformers has no processor for the config.
    """
    import transformers

    wanted = payload["processor"]
    processor_class = _processor_class(folder, wanted["class"], config)
    parts: dict[str, Any] = {}
    for attribute in processor_class.get_attributes():
        if attribute.endswith("tokenizer"):
            parts[attribute] = tokenizer
        elif attribute == "image_processor" and wanted["saved"]:
            parts[attribute] = transformers.AutoImageProcessor.from_pretrained(
                folder, trust_remote_code=payload["trust_remote_code"]
            )
        else:
            parts[attribute] = _component(attribute, wanted, config, processor_class)
    parameters = inspect.signature(processor_class.__init__).parameters
    arguments = _same_names(parameters, wanted["values"])
    return processor_class(**parts, **{**arguments, **wanted["arguments"]})


def _processor_class(folder: Path, name: str, config: Any) -> Any:
    """Find the class: as named, of the repo's own code, or as transformers maps it."""
    import transformers
    from transformers.dynamic_module_utils import get_class_from_dynamic_module
    from transformers.models.auto.processing_auto import PROCESSOR_MAPPING

    if name:
        return getattr(transformers, name)
    own = _own_processor(folder)
    if own:
        found = get_class_from_dynamic_module(own, folder)
        found.register_for_auto_class()  # so that it is saved as the repo's own
        return found
    if type(config) not in PROCESSOR_MAPPING:
        raise RuntimeError(f"transformers maps no processor to {type(config).__name__}")
    return PROCESSOR_MAPPING[type(config)]


def _own_processor(folder: Path) -> str:
    """The repo's own processor class as its settings name it, `module.Class`, or nothing."""
    for name in ("processor_config.json", "preprocessor_config.json"):
        path = folder / name
        settings = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        found = (settings.get("auto_map") or {}).get("AutoProcessor")
        if found:
            return str(found)
    return ""


def _component(attribute: str, wanted: Payload, config: Any, processor_class: Any) -> Any:
    settings = dict(wanted["components"].get(attribute, {}))
    name = settings.pop("class_name", "")
    component_class = _component_class(attribute, name, config, processor_class)
    defaults = component_class(**settings).to_dict()
    return component_class(**{**_small(defaults, wanted), **settings})


def _component_class(attribute: str, name: str, config: Any, processor_class: Any) -> Any:
    """Find a part's class: as named, as mapped to the config, its kin's or the processor's."""
    import transformers
    from transformers.models.auto.feature_extraction_auto import FEATURE_EXTRACTOR_MAPPING
    from transformers.models.auto.image_processing_auto import IMAGE_PROCESSOR_MAPPING
    from transformers.models.auto.video_processing_auto import VIDEO_PROCESSOR_MAPPING

    if name:
        return getattr(transformers, name)
    mapping, ending = {
        "image_processor": (IMAGE_PROCESSOR_MAPPING, "ImageProcessor"),
        "video_processor": (VIDEO_PROCESSOR_MAPPING, "VideoProcessor"),
    }.get(attribute, (FEATURE_EXTRACTOR_MAPPING, "FeatureExtractor"))
    parts = [
        part for part in vars(config).values() if isinstance(part, transformers.PreTrainedConfig)
    ]
    for config_class in (*map(type, (config, *parts)), *_with_processor(processor_class)):
        if config_class in mapping:
            return _preferred(mapping[config_class])
    kin = processor_class.__name__.removesuffix("Processor") + ending
    if hasattr(transformers, kin):
        return getattr(transformers, kin)
    raise RuntimeError(f"transformers maps no {attribute} to {type(config).__name__}")


def _with_processor(processor_class: Any) -> list[Any]:
    """The config classes of all models that have this processor."""
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING
    from transformers.models.auto.processing_auto import PROCESSOR_MAPPING_NAMES

    return [
        CONFIG_MAPPING[model_type]
        for model_type, name in PROCESSOR_MAPPING_NAMES.items()
        if name == processor_class.__name__ and model_type in CONFIG_MAPPING
    ]


def _preferred(found: Any) -> Any:
    """Of several backends take the one that is the default where torch is there."""
    if isinstance(found, Mapping):
        return found.get("torchvision") or next(iter(found.values()))
    if isinstance(found, tuple | list):
        return next(one for one in reversed(found) if one is not None)
    return found


def _small(defaults: Mapping[str, Any], wanted: Payload) -> dict[str, Any]:
    """Settings that follow the small config."""
    values, side = wanted["values"], wanted["image_size"]
    changed: dict[str, Any] = {}
    for key, value in defaults.items():
        if key in ("size", "crop_size", "max_image_size", "min_image_size"):
            changed[key] = _sized(value, side)
        elif key in ("min_pixels", "max_pixels") and isinstance(value, int):
            changed[key] = _pixels(key, side)
        else:
            for name in _SAME.get(key, (key,)):
                if _can_follow(key, values.get(name)):
                    changed[key] = values[name]
                    break
    return changed


def _can_follow(key: str, value: Any) -> bool:
    """Tell whether a config's value of the same name is one that a processor shares."""
    shared = key in _SAME or key.endswith(_SHARED)
    return shared and value is not None


def _sized(value: Any, side: int) -> Any:
    """Make the sizes in a `size` setting small, whatever its form."""
    if isinstance(value, int) and not isinstance(value, bool):
        return side
    if not isinstance(value, Mapping):
        return value
    area = any(isinstance(number, int) and number >= _LARGE for number in value.values())
    if area:
        return {key: _pixels(key, side) for key in value}
    longest = {"longest_edge": side * 2 if "shortest_edge" in value else side}
    return {key: longest.get(key, side) if number else number for key, number in value.items()}


def _pixels(key: str, side: int) -> int:
    """Fewest and most pixels of an image: from a quarter of the area to twice as much."""
    fewest = key in ("min_pixels", "shortest_edge")
    return side * side // 4 if fewest else side * side * 2


def _same_names(parameters: Mapping[str, Any], values: Payload) -> dict[str, Any]:
    """Arguments that the config has under the same name."""
    taken: dict[str, Any] = {}
    for name in parameters:
        for other in _SAME.get(name, (name,)):
            if values.get(other) is not None and not other.endswith("_token"):
                taken[name] = values[other]
                break
    return taken
