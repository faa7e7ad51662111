"""Items about the size that is typical of a model, and the question that is asked about them."""

from __future__ import annotations

from collections.abc import Sequence

from mmport.model.facts import ModalityFacts, ModelFacts
from mmport.verification.cases import Item, Request


def ask(facts: ModelFacts, items: Sequence[Item], between: str = "") -> Request:
    """Put the question about some items, with words between them perhaps."""
    by_kind = {modality.kind: modality for modality in facts.modalities}
    asked = [by_kind[item.kind] for item in items]
    text = facts.question.replace("{items}", between.join(one.prompt for one in asked))
    written = [one.prompt if one.vllm_prompt is None else one.vllm_prompt for one in asked]
    vllm_text = facts.question.replace("{items}", between.join(written))
    return Request(text, tuple(items), None if vllm_text == text else vllm_text)


def make_item(
    modality: ModalityFacts,
    seed: int,
    *,
    shape: float = 1.0,
    scale: tuple[float, float] = (1.0, 1.0),
    length: float = 1.0,
) -> Item:
    """Describe an item of about the typical size, in another shape, scale or length."""
    if modality.kind == "audio":
        return Item("audio", seed, seconds=modality.seconds * length, rate=modality.rate)
    width, height = size_of(modality, shape)
    # One more than the share of the side, so that an odd size comes up.
    if scale != (1.0, 1.0):
        width, height = int(width * scale[0]) + 1, int(height * scale[1]) + 1
    if modality.kind == "image":
        return Item("image", seed, width, height)
    # An even number of frames: many encoders take them in pairs.
    frames = max(2, 2 * round(modality.frames * length / 2))
    return Item("video", seed, width, height, frames)


def size_of(modality: ModalityFacts, shape: float) -> tuple[int, int]:
    """The typical number of pixels, with the width over the height times `shape`."""
    root = shape**0.5
    return max(1, round(modality.width * root)), max(1, round(modality.height / root))


def describe(item: Item) -> str:
    """Say how large an item is: `200x100`, `4 frames of 200x100`, `1.5 s`."""
    if item.kind == "audio":
        return f"{item.seconds:g} s"
    size = f"{item.width}x{item.height}"
    return f"{item.frames} frames of {size}" if item.kind == "video" else size


def plural(modality: ModalityFacts) -> str:
    """Name several items of a modality."""
    return {"image": "images", "video": "videos", "audio": "recordings"}[modality.kind]
