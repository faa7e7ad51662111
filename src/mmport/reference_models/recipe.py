"""Everything that the builder must be told to make one tiny checkpoint."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from mmport.core.errors import SourceError, Usage
from mmport.hub.source import ModelSource
from mmport.inspection.encoders import encoder_family
from mmport.model.spec import KeyLayout
from mmport.reference_models import named
from mmport.reference_models.facts import FamilyFacts, family_of, sizes
from mmport.reference_models.processor import ImageGeometry, fill_in, shrink_settings
from mmport.reference_models.resolve import Resolved, resolve
from mmport.reference_models.shrink import shrink_config
from mmport.weights.layouts import detect_layout

_TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer.model",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
    "chat_template.jinja",
    "chat_template.json",
)
_BINARY = ("tokenizer.model",)
_COMPLETE_TOKENIZERS = ({"tokenizer.json"}, {"tokenizer.model"}, {"vocab.json", "merges.txt"})
_IMAGE_SETTINGS = "preprocessor_config.json"
_PROCESSOR_SETTINGS = "processor_config.json"


@dataclass(frozen=True, slots=True)
class TinySource:
    """What a tiny checkpoint is made like: a config, perhaps with a repo's files.

    `layout` is the one of the source's own weights; None where that is not known.
    """

    config: dict[str, Any]
    files: ModelSource | None
    layout: KeyLayout | None


def find_source(source: ModelSource | str) -> TinySource:
    """Read a model source's config, or a reference model by its name.

    Raises:
        Usage: there is no reference model of that name.
        NotPortable: the family or one of its parts is not known.
        SourceError: the source has no config, or it cannot be understood.
    """
    if isinstance(source, str):
        model = named.load(source)
        return TinySource(model.config, None, model.layout)
    config = source.read_json("config.json")
    family = family_of(config)
    inner = _inner_level(resolve(config, family))
    return TinySource(config, source, _layout_of(source, family.weights.encoder, inner))


def _layout_of(source: ModelSource, encoder: str, inner: str) -> KeyLayout | None:
    """Find out the layout of the source's weights; broken or absent ones have none."""
    try:
        return detect_layout(source.tensor_headers(), encoder=encoder, inner=inner)
    except SourceError:
        return None


def _inner_level(whole: Resolved) -> str:
    return encoder_family(whole.vision.model_type)[1].inner_level


def payload(source: TinySource, *, layout: str | None, seed: int, dtype: str) -> dict[str, Any]:
    """Decide everything that the builder (`workers/build_tiny.py`) needs to know.

    Raises:
        Usage: the layout is not one of the family's.
        NotPortable: the family or one of its parts is not known.
        MalformedSource: a value or a file of the source cannot be understood.
    """
    family = family_of(source.config)
    wanted = layout or source.layout or "transformers-5"
    if wanted not in family.layouts:
        raise Usage(f"there is no layout {wanted!r}", f"one of: {', '.join(family.layouts)}")
    tokenizer = _tokenizer_files(source.files)
    config = shrink_config(source.config, own_tokenizer=not tokenizer)
    before, after = resolve(source.config, family), resolve(config, family)
    settings = _processor_files(source.files, _geometry(before), _geometry(after))
    return {
        "config": config,
        "image_size": after.vision.number("image_size"),
        "seed": seed,
        "dtype": dtype,
        "renames": [
            [text.replace("$inner", _inner_level(after)) for text in rename]
            for rename in family.layouts[wanted]
        ],
        "tokenizer": None if tokenizer else _trained_tokenizer(family, after),
        "processor": _processor(family, after, settings),
        "files": {
            **tokenizer,
            **{name: {"text": json.dumps(value)} for name, value in settings.items()},
        },
    }


def _tokenizer_files(source: ModelSource | None) -> dict[str, dict[str, str]]:
    """Find the repo's tokenizer: by name, its path or its text. Nothing if not complete."""
    if source is None:
        return {}
    found = {
        name: content
        for name in _TOKENIZER_FILES
        if source.has(name) and (content := _content(source, name))
    }
    complete = any(names <= found.keys() for names in _COMPLETE_TOKENIZERS)
    return found if complete else {}


def _content(source: ModelSource, name: str) -> dict[str, str] | None:
    if source.local_path is not None:
        return {"path": str((source.local_path / name).resolve())}
    return None if name in _BINARY else {"text": source.read_text(name)}


def _processor_files(
    source: ModelSource | None, before: ImageGeometry, after: ImageGeometry
) -> dict[str, Any]:
    if source is None:
        return {}
    return {
        name: shrink_settings(source.read_json(name), before, after)
        for name in (_IMAGE_SETTINGS, _PROCESSOR_SETTINGS)
        if source.has(name)
    }


def _trained_tokenizer(family: FamilyFacts, after: Resolved) -> dict[str, Any]:
    return {
        "trained": sizes().vocabulary.trained,
        "placeholder": family.placeholder.token,
        "begins": after.text.get("bos_token_id") is not None,
    }


def _processor(
    family: FamilyFacts, after: Resolved, settings: dict[str, Any]
) -> dict[str, Any] | None:
    """Say how to make a processor; None where the repo's own settings are enough.

    Old repos have image settings alone, and their processor cannot count tokens.
    """
    if "patch_size" in settings.get(_PROCESSOR_SETTINGS, {}):
        return None
    _, encoder = encoder_family(after.vision.model_type)
    images, has_images = encoder.image_processor, _IMAGE_SETTINGS in settings
    values = {
        **after.vision.values,
        **after.values,
        "additional_tokens": encoder.class_tokens,
    }
    return {
        "class": family.processor.class_name,
        "settings": fill_in(family.processor.settings, values),
        "placeholder_id": _placeholder_id(family, after),
        "image_class": None if has_images else images.class_name,
        "image_settings": {} if has_images else fill_in(images.settings, values),
    }


def _placeholder_id(family: FamilyFacts, after: Resolved) -> int:
    return next(int(after.values[key]) for key in family.placeholder.ids if key in after.values)


def _geometry(whole: Resolved) -> ImageGeometry:
    return ImageGeometry(whole.vision.number("image_size"), whole.vision.number("patch_size"))
