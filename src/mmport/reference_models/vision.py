"""Shrinks an image encoder's config."""

from __future__ import annotations

import copy
from typing import Any

from mmport.core.errors import MalformedSource
from mmport.reference_models.facts import sizes
from mmport.reference_models.layers import compress
from mmport.reference_models.resolve import Part

Config = dict[str, Any]


def shrink(
    raw: Config, part: Part, *, layers: int | list[int], text_width: int
) -> tuple[Config, int | list[int]]:
    """Make an encoder's config small, and the feature layers with it.

    Args:
        raw: as the repo has it, perhaps with little in it.
        part: the same with defaults.
        layers: which hidden states are taken as features.
        text_width: the hidden size of the shrunk language model.

    Raises:
        MalformedSource: a size is not a positive number, or a layer is not there.
    """
    aim = sizes().vision
    small = copy.deepcopy(raw)
    several = list(layers) if isinstance(layers, list | tuple) else [layers]
    square = len(several) * aim.hidden_size == text_width
    hidden = aim.hidden_size_if_square if square else aim.hidden_size
    small[part.key("hidden_size")] = hidden
    small[part.key("num_attention_heads")] = aim.num_attention_heads
    if raw.get("head_dim") is not None:
        small["head_dim"] = hidden // aim.num_attention_heads
    for role, size in aim.fixed.items():
        if isinstance(part.get(role), int):
            small[part.key(role)] = size
    small["patch_size"] = aim.patch_size
    small["image_size"] = small_image(part.number("image_size"), part.number("patch_size"))
    try:
        moved, left = compress(several, part.number("num_hidden_layers"))
    except (IndexError, TypeError) as error:
        raise MalformedSource(
            f"the features are of no layer: {error}", "mend config.json"
        ) from error
    small[part.key("num_hidden_layers")] = left
    return small, moved if isinstance(layers, list | tuple) else moved[0]


def small_image(image: int, patch: int) -> int:
    """Give a small image size (pixels) that divides by the small patch if it did before.

    What is left over is scaled with the patch and stays between 1 and the
    patch size less 1.
    """
    aim = sizes().vision
    left_over = image % patch
    if left_over:
        left_over = min(max(1, round(left_over * aim.patch_size / patch)), aim.patch_size - 1)
    return aim.grid * aim.patch_size + left_over
