"""Shrinks the config of any part that is no language model: encoder, resampler, connector."""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass
from typing import Any

from mmport.core.errors import MalformedSource
from mmport.reference_models.facts import sizes
from mmport.reference_models.layers import choose, compress
from mmport.reference_models.resolve import Part

Config = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What an encoder's sizes depend on: widths of other parts, before and after.

    `widths` maps the name of a part (`text`, `vision`) to its hidden size before
    and after; `layers` are the hidden states that are taken as features.
    """

    widths: dict[str, tuple[int, int]]
    layers: int | list[int]


def shrink(raw: Config, part: Part, around: Surroundings) -> tuple[Config, int | list[int]]:
    """Make a part's config small, and the feature layers with it.

    Raises:
        MalformedSource: a size is not a positive number, or a layer is not there.
    """
    aim = sizes().encoder
    small = copy.deepcopy(raw)
    small.pop("quantization_config", None)
    hidden = _hidden_size(around)
    _set_all(small, part, {"hidden_size": hidden, "d_model": hidden} | aim.fixed)
    if part.get("num_key_value_heads") == part.get("num_attention_heads"):  # none is shared
        _set_all(small, part, {"num_key_value_heads": aim.fixed["num_attention_heads"]})
    for key, most in aim.at_most.items():
        if _is_count(part.values.get(key)):
            small[key] = min(most, part.values[key])
    if part.values.get("head_dim") is not None:
        small["head_dim"] = hidden // aim.fixed["num_attention_heads"]
    _set_links(small, part, around)
    _set_grid(small, part)
    return small, _take_out_layers(small, part, around.layers)


def _hidden_size(around: Surroundings) -> int:
    aim = sizes().encoder
    several = len(around.layers) if isinstance(around.layers, list) else 1
    square = several * aim.hidden_size == around.widths["text"][1]
    return aim.hidden_size_if_square if square else aim.hidden_size


def _set_all(small: Config, part: Part, values: dict[str, int]) -> None:
    for role, size in values.items():
        before = part.get(role)
        if _is_count(before):
            small[part.key(role)] = size
        elif isinstance(before, list) and all(_is_count(item) for item in before):
            small[part.key(role)] = [size] * len(before)


def _set_links(small: Config, part: Part, around: Surroundings) -> None:
    """Follow the parts that this one is connected to."""
    for key, other in sizes().encoder.links.items():
        if _is_count(part.values.get(key)) and other in around.widths:
            small[key] = around.widths[other][1]


def _set_grid(small: Config, part: Part) -> None:
    image, patch = part.values.get("image_size"), part.values.get("patch_size")
    if image is None or patch is None:
        return
    if not _is_count(first(patch)):
        raise MalformedSource(
            f"patch_size of {part.model_type} is {patch!r}, not a positive number",
            "mend config.json",
        )
    side = small_image(_side(image, part), first(patch))
    small["image_size"] = [side] * len(image) if isinstance(image, list | tuple) else side


def small_image(image: int, patch: int) -> int:
    """Give a small image size (pixels) with the same patches.

    What the patches leave over stays as it is, and so does whether their number
    a side divides by 2 and by 4, as mergers and windows want.
    """
    grids = sizes().encoder.grids
    grid = image // patch
    divisor = next(number for number in sorted(map(int, grids), reverse=True) if not grid % number)
    return grids[str(divisor)] * patch + image % patch


def _take_out_layers(small: Config, part: Part, layers: int | list[int]) -> int | list[int]:
    """Keep those layers whose outputs are used; also move the keys that name them."""
    aim = sizes().encoder
    key = next((key for key in map(part.key, aim.layers) if _is_count(part.values.get(key))), None)
    if key is None:
        return layers
    total = part.values[key]
    several = list(layers) if isinstance(layers, list | tuple) else [layers]
    lists = {
        name: value
        for name, value in part.values.items()
        if re.search(aim.indices, name) and isinstance(value, list) and value
    }
    named = [layer for value in lists.values() for layer in value]
    try:
        moved, left = compress([*several, *named], total)
    except (IndexError, TypeError) as error:
        raise MalformedSource(
            f"the features are of no layer: {error}", "mend config.json"
        ) from error
    for other in aim.layers:
        if _is_count(part.values.get(part.key(other))):
            small[part.key(other)] = left
    kinds = {
        name: value
        for name, value in part.values.items()
        if isinstance(value, list) and len(value) == total and re.search(sizes().layers.lists, name)
    }
    kept = choose(total, left, list(kinds.values()), [])
    for name, value in kinds.items():
        small[name] = [value[layer] for layer in kept]
    rest = iter(moved[len(several) :])
    for name, value in lists.items():
        small[name] = [min(next(rest), left - 1) for _ in value]
    return moved[: len(several)] if isinstance(layers, list | tuple) else moved[0]


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def first(value: Any) -> Any:
    """Give the first of a list, or the value itself."""
    return value[0] if isinstance(value, list | tuple) and value else value


def _side(value: Any, part: Part) -> int:
    side = first(value)
    if not _is_count(side):
        raise MalformedSource(
            f"image_size of {part.model_type} is {value!r}, not a positive number",
            "mend config.json",
        )
    return int(side)
