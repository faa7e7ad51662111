"""Draws items of many sizes and lengths for a processor, from a seed.

Hypothesis would draw and shrink, but an engine's environment holds the engine
and what that needs, so the little that is wanted of it is here and in `shrinking.py`.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Item = dict[str, Any]
Size = tuple[int, int]

MOST_PIXELS = 1 << 20
"""An image of more is not drawn: to make it takes longer than to process it."""
_MOST_PIXELS_OF_CLIP = 1 << 17
_FIRST_SEED = 1000
_SPAN_OF_GRID = (4, 4096)
_LIKELY_NAMES = ("size", "edge", "hop")
_MOST_STEPS = 8
_ONE_OF_EACH = (0, 4, 5, 8, 10, 14)
"""Places among the sizes that are drawn: typical, wide or tall, tiny, on the grid, large."""


def grid_of(processor: Any) -> tuple[int, ...]:
    """Find the steps in which a HF processor cuts: patches, tiles, crops, in pixels or samples."""
    found: set[int] = set()
    for part in parts_of(processor):
        settings = vars(part)
        for name, value in settings.items():
            if any(word in name for word in _LIKELY_NAMES):
                found.update(_whole_numbers(value))
        patch, merge = settings.get("patch_size"), settings.get("merge_size")
        if isinstance(patch, int) and isinstance(merge, int):
            found.add(patch * merge)
    low, high = _SPAN_OF_GRID
    return tuple(sorted(number for number in found if low <= number <= high))[:_MOST_STEPS]


def parts_of(processor: Any) -> list[Any]:
    """The processor and those that it holds, one for each modality."""
    names = ("image_processor", "video_processor", "feature_extractor", "audio_processor")
    held = [getattr(processor, name, None) for name in names]
    return [processor, *(part for part in held if part is not None)]


def draw_items(modality: Mapping[str, Any], grid: Sequence[int], seed: int) -> list[Item]:
    """Draw items of one modality, no two of one size; the same for the same arguments.

    Args:
        modality: `kind` and what is typical: `width` and `height`, `frames`,
            `seconds` and `rate`.
        grid: steps at whose multiples, and one beside them, items are drawn.
        seed: of all that is random.
    """
    chance = random.Random(f"{seed} {modality['kind']}")  # noqa: S311 - the same in every run
    draw = {"image": _images, "video": _clips, "audio": _recordings}[modality["kind"]]
    drawn: dict[tuple[Any, ...], Item] = {}
    for item in draw(modality, grid, chance):
        drawn.setdefault(tuple(item.values()), item)
    return [{**item, "seed": _FIRST_SEED + place} for place, item in enumerate(drawn.values())]


def describe(item: Mapping[str, Any]) -> str:
    """Say how large an item is: `200x100`, `4 frames of 200x100`, `1.5 s`."""
    if item["kind"] == "audio":
        return f"{item['seconds']:g} s"
    size = f"{item['width']}x{item['height']}"
    return f"{item['frames']} frames of {size}" if item["kind"] == "video" else size


def image_sizes(
    typical: Size, grid: Sequence[int], chance: random.Random, most_pixels: int = MOST_PIXELS
) -> Iterator[Size]:
    """Draw sizes: like the typical one, wide and tall, tiny, on the grid, large."""
    side = math.sqrt(typical[0] * typical[1])
    sizes = [_of_shape(side * chance.uniform(0.6, 1.5), _ratio(chance, 2)) for _ in range(4)]
    for stretch in (_ratio(chance, 4, 2), _ratio(chance, 20, 5)):
        sizes += [_of_shape(side, stretch), _of_shape(side * 0.7, 1 / stretch)]
    smallest = min((step for step in grid), default=16)
    sizes += [
        (chance.randint(1, smallest), chance.randint(1, smallest)),
        (max(1, smallest - 1), round(side)),
    ]
    for _ in range(4):
        sizes.append((_on_grid(side, grid, chance), _on_grid(side, grid, chance)))
    sizes += [_of_shape(side * chance.uniform(2.0, 3.0), _ratio(chance, 3)) for _ in range(2)]
    for width, height in sizes:
        yield _within(width, height, most_pixels)


def _images(
    modality: Mapping[str, Any], grid: Sequence[int], chance: random.Random
) -> Iterator[Item]:
    sizes = list(image_sizes((modality["width"], modality["height"]), grid, chance))
    # One of each kind of size first: where time is short, the others are not drawn.
    first = [sizes[place] for place in _ONE_OF_EACH]
    for width, height in dict.fromkeys([*first, *sizes]):
        yield {"kind": "image", "width": width, "height": height}


def _clips(
    modality: Mapping[str, Any], grid: Sequence[int], chance: random.Random
) -> Iterator[Item]:
    typical = (modality["width"], modality["height"])
    sizes = list(image_sizes(typical, grid, chance, _MOST_PIXELS_OF_CLIP))
    most = max(2, 2 * modality["frames"])
    for width, height in (sizes[0], sizes[4], sizes[5], sizes[10], sizes[-1]):
        # An even number of frames: many encoders take them in pairs.
        frames = 2 * chance.randint(1, most // 2)
        yield {"kind": "video", "width": width, "height": height, "frames": frames}


def _recordings(
    modality: Mapping[str, Any], grid: Sequence[int], chance: random.Random
) -> Iterator[Item]:
    rate = modality["rate"]
    typical = modality["seconds"] * rate
    samples = [round(typical * chance.uniform(0.3, 1.5)) for _ in range(2)]
    samples.append(round(typical * math.exp(chance.uniform(math.log(0.05), math.log(0.2)))))
    samples += [_on_grid(typical, grid, chance) for _ in range(2)]
    samples.append(round(typical * chance.uniform(2.0, 3.0)))
    for count in samples:
        yield {"kind": "audio", "seconds": max(1, count) / rate, "rate": rate}


def _ratio(chance: random.Random, most: float, least: float = 1.0) -> float:
    """A ratio of width to height, as likely below one as above it."""
    stretch = math.exp(chance.uniform(math.log(least), math.log(most)))
    return stretch if chance.random() < 0.5 else 1 / stretch


def _of_shape(side: float, ratio: float) -> Size:
    return max(1, round(side * math.sqrt(ratio))), max(1, round(side / math.sqrt(ratio)))


def _on_grid(about: float, grid: Sequence[int], chance: random.Random) -> int:
    """A multiple of a step, or one beside it, that is about so large."""
    step = chance.choice(grid) if grid else 16
    times = max(1, round(about * chance.uniform(0.5, 1.5) / step))
    return max(1, step * times + chance.choice((-1, 0, 1)))


def _within(width: int, height: int, most_pixels: int) -> Size:
    """Shrink a size to so many pixels, in the same shape."""
    scale = math.sqrt(most_pixels / (width * height))
    if scale >= 1.0:
        return width, height
    return max(1, math.floor(width * scale)), max(1, math.floor(height * scale))


def _whole_numbers(value: Any) -> Iterator[int]:
    if isinstance(value, bool):
        return
    if isinstance(value, int):
        yield value
        return
    # Sizes are mappings, or objects that behave like them.
    if isinstance(value, Mapping):
        yield from (one for one in value.values() if type(one) is int)
    elif hasattr(value, "__dict__") and type(value).__name__ == "SizeDict":
        yield from (one for one in vars(value).values() if type(one) is int)
