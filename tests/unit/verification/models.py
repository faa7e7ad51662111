"""Facts of models that are not there."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from mmport.model.facts import ModalityFacts, ModelFacts

IMAGES = ModalityFacts(
    kind="image",
    prompt="<image>",
    token_id=3,
    most_items=4,
    width=32,
    height=32,
    frames=0,
    seconds=0.0,
    rate=0,
)
VIDEOS = replace(IMAGES, kind="video", prompt="<video>", token_id=5, most_items=2, frames=8)
SOUNDS = replace(IMAGES, kind="audio", prompt="", token_id=6, most_items=1, seconds=2.0, rate=16000)

UNKNOWN = ModelFacts(
    architecture="OneForConditionalGeneration",
    auto_class="AutoModelForImageTextToText",
    modalities=(IMAGES,),
    checkpoint_files=("model.safetensors",),
    question="USER: {items}\nWhat?\nASSISTANT:",
    tokens_per_item=16,
)
"""Of a model whose parts are not known, as a card has it."""

KNOWN = replace(UNKNOWN, connector="model.projector", encoder="model.vision_tower")
"""Of a model whose parts are known, as a spec has it."""


def facts(*modalities: ModalityFacts, **changes: Any) -> ModelFacts:
    return replace(UNKNOWN, modalities=modalities, **changes)
