"""What verification must know of a model: from its spec, or from a reference model's card."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import msgspec

from mmport.core.errors import MalformedSource, ModelNotFound
from mmport.core.jsonable import from_builtins
from mmport.inspection.hf_library import auto_class
from mmport.model.facts import CARD, ModalityFacts, ModelFacts
from mmport.model.spec import VlmSpec

_QUESTION = "USER: {items}\nWhat is shown here?\nASSISTANT:"
_MOST_IMAGES = 8
_SIDE, _FRAMES = 336, 8
_SECONDS, _RATE = 4.0, 16000
_MOST_TOKENS = 4096


def facts_for(folder: Path, spec: VlmSpec) -> ModelFacts:
    """Take the facts from a spec that knows the model's parts, else from a card if there is one.

    Raises:
        MalformedSource: the card cannot be understood.
    """
    if not has_card(folder):
        return facts_from_spec(spec)
    card = facts_from_card(folder)
    if spec.anatomy is not None or not _by_parts(spec):
        return card
    facts = facts_from_spec(spec)
    if any(not item.tokens_per_item for item in spec.placeholders):
        return replace(facts, tokens_per_item=card.tokens_per_item)
    return facts


def facts_from_spec(spec: VlmSpec) -> ModelFacts:
    """Take the facts from a spec, which may know the model's parts as well."""
    if spec.connector is None or not _by_parts(spec):
        return _facts_of_any(spec)
    encoder, text, placeholder = spec.encoders[0], spec.language_model, spec.placeholders[0]
    images = ModalityFacts(
        kind="image",
        prompt=placeholder.token,
        token_id=placeholder.token_id,
        most_items=_MOST_IMAGES,
        width=encoder.image_size,
        height=encoder.image_size,
        frames=0,
        seconds=0.0,
        rate=0,
    )
    return ModelFacts(
        architecture=spec.architecture,
        auto_class="AutoModelForImageTextToText",
        modalities=(images,),
        checkpoint_files=spec.checkpoint.files if spec.checkpoint else (),
        question=_QUESTION,
        tokens_per_item=placeholder.tokens_per_item or _MOST_TOKENS,
        connector=spec.connector.path,
        encoder=encoder.path,
        cache_elements=2 * text.num_layers * text.hidden_size,
    )


def _by_parts(spec: VlmSpec) -> bool:
    """Tell whether a spec knows the parts that images go through."""
    return spec.connector is not None and spec.modalities == ("image",)


def _facts_of_any(spec: VlmSpec) -> ModelFacts:
    asked = {item.modality for item in spec.items if item.written != "tokens"}
    asked = asked if spec.items else set(spec.modalities)
    modalities = tuple(
        ModalityFacts(
            kind=item.modality,
            prompt=item.token,
            token_id=item.token_id,
            most_items=_MOST_IMAGES,
            width=_SIDE if item.modality != "audio" else 0,
            height=_SIDE if item.modality != "audio" else 0,
            frames=_FRAMES if item.modality == "video" else 0,
            seconds=_SECONDS if item.modality == "audio" else 0.0,
            rate=_RATE if item.modality == "audio" else 0,
        )
        for item in spec.placeholders
        if item.modality in asked
    )
    return ModelFacts(
        architecture=spec.architecture,
        auto_class=auto_class(spec.model_type) or "AutoModelForImageTextToText",
        modalities=modalities,
        checkpoint_files=spec.checkpoint.files if spec.checkpoint else (),
        question=_QUESTION,
        tokens_per_item=_MOST_TOKENS,
    )


def has_card(folder: Path) -> bool:
    """Tell whether a folder holds a reference model with its card."""
    return (folder / CARD).is_file()


def facts_from_card(folder: Path) -> ModelFacts:
    """Read the facts that the builder of a reference model left beside it.

    Raises:
        ModelNotFound: there is no card.
        MalformedSource: the card cannot be understood.
    """
    try:
        card = json.loads((folder / CARD).read_text(encoding="utf-8"))
        return from_builtins(card["facts"], ModelFacts)
    except FileNotFoundError:
        raise ModelNotFound(
            f"{folder} holds no {CARD}", "name the folder of a reference model that mmport built"
        ) from None
    except (ValueError, KeyError, TypeError, msgspec.ValidationError) as error:
        raise MalformedSource(
            f"{folder / CARD} is no card of a reference model: {error}",
            "build the reference model again",
        ) from error
