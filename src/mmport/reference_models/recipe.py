"""Everything that the builder must be told to make one tiny checkpoint."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from mmport.core.errors import NotPortable, SourceError, Usage
from mmport.hub.source import ModelSource
from mmport.inspection import hf_library
from mmport.inspection.encoders import EncoderFamily, encoder_families
from mmport.model.spec import KeyLayout
from mmport.reference_models import named
from mmport.reference_models.encoder import first
from mmport.reference_models.facts import FamilyFacts, ItemFacts, family_of, old_files, sizes
from mmport.reference_models.own_code import TinySource, own_code, with_defaults
from mmport.reference_models.processor import ImageGeometry, shrink_settings
from mmport.reference_models.resolve import Resolved, has_own_code, resolve
from mmport.reference_models.shrink import fill_in, shrink_config
from mmport.reference_models.tokens import SpecialTokens
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


def find_source(source: ModelSource | str, *, trust_remote_code: bool = False) -> TinySource:
    """Read a model source's config, or a reference model by its name.

    Raises:
        Usage: there is no reference model of that name.
        NotPortable: transformers does not know the model type of the config or a
            part, or only by code of the repo that may not be run.
        SourceError: the source has no config, or it cannot be understood.
    """
    if isinstance(source, str):
        model = named.load(source)
        config = model.config
        if len(config) == 1:  # a model type alone stands for all its class's defaults
            config = named.merge(resolve(config).whole.values, model.changes)
        return TinySource(model.name, config, None, model.layout, model.small)
    config = source.read_json("config.json")
    _require_type(config)
    if has_own_code(config) and not trust_remote_code:
        raise NotPortable(
            f"{source.name} is a {config['model_type']!r}, which transformers"
            f" {hf_library.version()} knows by the repo's own code alone",
            "look at that code, and add --trust-remote-code if it may be run",
        )
    if has_own_code(config):
        config = with_defaults(source, config)
    family = family_of(config["model_type"])
    inner = _inner_level(resolve(config))
    return TinySource("", config, source, _layout_of(source, family.encoder, inner))


def _require_type(config: dict[str, Any]) -> None:
    if not isinstance(config.get("model_type"), str):
        raise NotPortable(
            "config.json has no model_type",
            "a tiny model can only be made of a model that transformers knows",
        )


def _layout_of(source: ModelSource, encoder: str, inner: str) -> KeyLayout | None:
    """Find out the layout of the source's weights; broken or absent ones have none."""
    if not encoder:
        return None
    try:
        return detect_layout(source.tensor_headers(), encoder=encoder, inner=inner)
    except SourceError:
        return None


def _inner_level(whole: Resolved) -> str:
    """The level in the encoder that transformers 5 dropped; empty if it never had one."""
    family = _known_encoder(whole)
    return family.inner_level if family else ""


def _known_encoder(whole: Resolved) -> EncoderFamily | None:
    model_type = whole.vision.model_type if whole.vision else ""
    known = (one for one in encoder_families().values() if model_type in one.model_types)
    return next(known, None)


def payload(
    source: TinySource, *, layout: str | None, seed: int, dtype: str, old: bool = False
) -> dict[str, Any]:
    """Decide everything that the builder (`workers/build_tiny.py`) needs to know.

    Args:
        source: what is made small.
        layout: whose tensor names; None for the source's own.
        seed: of the weights.
        dtype: of the weights.
        old: it is for an old engine: of its sizes, written as transformers 4 does.

    Raises:
        Usage: the layout is not one of the family's.
        NotPortable: the family or one of its parts is not known.
        MalformedSource: a value or a file of the source cannot be understood.
    """
    _require_type(source.config)
    model_type = source.config["model_type"]
    family = family_of(model_type)
    family = replace(family, config=family.config | source.small)
    own = "transformers-4" if old and "transformers-4" in family.layouts else source.layout
    wanted = layout or own or "transformers-5"
    if wanted not in {"transformers-5", *family.layouts}:
        raise Usage(f"there is no layout {wanted!r}", f"one of: {', '.join(family.layouts)}")
    tokenizer = _tokenizer_files(source.files)
    code = own_code(source)
    config, tokens = shrink_config(
        source.config, family, own_tokenizer=not tokenizer, own_processor=code.processor, old=old
    )
    before, after = resolve(source.config), resolve(config)
    if old:
        _name_language_model(config, after)
    settings = _processor_files(source.files, _geometry(before), _geometry(after))
    return {
        "name": source.name or model_type,
        "config": config,
        "auto_class": code.auto_class or _auto_class(family, model_type),
        "trust_remote_code": bool(code.files),
        "seed": seed,
        "dtype": family.dtype or dtype,
        "only_dtype": family.dtype,
        "renames": [
            [text.replace("$inner", _inner_level(after)) for text in rename]
            for rename in family.layouts.get(wanted, ())
        ],
        "transposed": family.transposed.get(wanted, ()),
        "tokenizer": None if tokenizer else _trained_tokenizer(tokens, after),
        "processor": _processor(family, after, settings),
        "modalities": family.modalities,
        "chosen_ids": [*family.tokens.ids, *family.config],
        "items": {kind: _item(one, after) for kind, one in _items(family).items()},
        "question": family.question,
        "call": family.call,
        "demands": family.demands,
        "old_files": old_files() if old else None,
        "files": {
            **{name: {"text": text} for name, text in code.files.items()},
            **tokenizer,
            **{name: {"text": json.dumps(value)} for name, value in settings.items()},
        },
    }


def _name_language_model(config: dict[str, Any], after: Resolved) -> None:
    """Have the language model's part name its class: an old engine finds it by that alone."""
    part = config.get(after.text.path)
    architecture = hf_library.causal_lm_architecture(after.text.model_type)
    if isinstance(part, dict) and architecture and not part.get("architectures"):
        part["architectures"] = [architecture]


def _auto_class(family: FamilyFacts, model_type: str) -> str:
    """Name the class of transformers that loads the model.

    Raises:
        NotPortable: transformers has none for it.
    """
    found = family.auto_class or hf_library.auto_class(model_type)
    if found is None:
        raise NotPortable(
            f"transformers {hf_library.version()} has no multimodal class for {model_type!r}",
            "a tiny model can only be made of a model that reads images, films or sounds",
        )
    return found


def _items(family: FamilyFacts) -> dict[str, ItemFacts]:
    return {kind: family.items.get(kind, ItemFacts()) for kind in ("image", "video", "audio")}


def _item(item: ItemFacts, after: Resolved) -> dict[str, Any]:
    """Choose the size of a typical item where the family has none."""
    side = _geometry(after).image_size
    chosen = replace(item, width=item.width or side * 2, height=item.height or side * 3 // 2)
    return {name: getattr(chosen, name) for name in ItemFacts.__dataclass_fields__}


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


def _trained_tokenizer(tokens: SpecialTokens, after: Resolved) -> dict[str, Any]:
    return {
        "trained": sizes().vocabulary.trained,
        "special": tokens.tokens,
        "words": tokens.words,
        "attributes": tokens.attributes,
        "begins": after.text.get("bos_token_id") is not None and not tokens.begun,
    }


def _processor(
    family: FamilyFacts, after: Resolved, settings: dict[str, Any]
) -> dict[str, Any] | None:
    """Say how to make a processor; None where the repo's own settings are enough.

    Old repos have image settings alone, and their processor cannot count tokens.
    """
    if "patch_size" in settings.get(_PROCESSOR_SETTINGS, {}):
        return None
    vision = after.vision
    geometry = _geometry(after)
    return {
        "class": family.processor.class_name,
        "arguments": fill_in(family.processor.arguments, after),
        "components": fill_in(family.processor.components, after),
        "values": {
            **{key: value for part in after.others for key, value in part.values.items()},
            **(vision.values if vision else {}),
            **after.whole.values,
            "num_additional_image_tokens": _class_tokens(after),
            "image_patches": (geometry.image_size // geometry.patch_size) ** 2,
        },
        "image_size": geometry.image_size,
        "saved": [name for name in (_IMAGE_SETTINGS,) if name in settings],
    }


def _class_tokens(after: Resolved) -> int:
    """How many tokens the encoder puts before the patches."""
    family = _known_encoder(after)
    return family.class_tokens if family else 0


def _geometry(whole: Resolved) -> ImageGeometry:
    """Pixels a side of an image and a patch; where nothing fixes them, a few patches."""
    values = whole.vision.values if whole.vision else {}
    patch = _number(values.get("patch_size")) or 14
    return ImageGeometry(_number(values.get("image_size")) or 8 * patch, patch)


def _number(value: Any) -> int:
    number = first(value)
    return number if isinstance(number, int) else 0
