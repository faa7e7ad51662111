"""Finds how the tensor of a processor holds pictures, whatever its layout."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[Any]]

_SMALLEST = 4
"""Pixels that a picture has at least, on each side."""
_MOST_TILES = 24
_LONGEST_ROW = 9
"""Tiles of one item that still stand in one row."""
_GAP = 24
"""Of so many pixels, one is for the gap between two tiles."""
_MERGES = (1, 2, 3, 4)
"""Sides of the squares of patches that are kept together."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How to lay a tensor out as one picture, and what to say of it."""

    arrange: Callable[[Array], Array]
    """From the tensor to (height, width, 3 or 1); NaN where nothing is of the tensor."""
    told: str


def find_layout(values: Array, beside: Mapping[str, Array]) -> Layout | None:
    """Find the layout of a tensor; None where it holds no picture.

    Args:
        values: the tensor of one side.
        beside: the other tensors of the same call, a grid of patches perhaps.
    """
    shape = values.shape
    if len(shape) >= 3 and shape[-3] in (1, 3) and min(shape[-2:]) >= _SMALLEST:
        return _of_small_tiles(values, beside) or _tiles(shape, channels_first=True)
    if len(shape) >= 3 and shape[-1] == 3 and min(shape[-3:-1]) >= _SMALLEST:
        return _tiles(shape, channels_first=False)
    if len(shape) >= 2 and (patch := _patch_size(shape[-1])):
        return _patches(values.reshape(-1, shape[-1]), patch, beside)
    if len(shape) >= 2 and min(shape[-2:]) >= _SMALLEST:
        return Layout(_grey, f"{math.prod(shape[:-2])} of {shape[-2]}x{shape[-1]} values")
    return None


def _tiles(shape: tuple[int, ...], *, channels_first: bool) -> Layout:
    count = math.prod(shape[:-3])
    by_item = len(shape) > 4 and shape[-4] < min(count, _LONGEST_ROW)
    height, width = shape[-2:] if channels_first else shape[-3:-1]
    shown = min(count, _MOST_TILES)
    told = f"{width}x{height} pixels" if count == 1 else f"{count} of {width}x{height} pixels"
    if shown < count:
        told += f", the first {shown} of them shown"

    def arrange(values: Array) -> Array:
        tiles = values.reshape(count, *shape[-3:])[:shown]
        if channels_first:
            tiles = tiles.transpose(0, 2, 3, 1)
        return _sheet(tiles, shape[-4] if by_item else _side_by_side(shown, width, height))

    return Layout(arrange, told)


def _grey(values: Array) -> Array:
    tiles = values.reshape(-1, *values.shape[-2:])[:_MOST_TILES]
    return _sheet(tiles[..., None], 1)


def _side_by_side(count: int, width: int, height: int) -> int:
    """So many tiles in a row that the whole becomes no strip."""
    if count * width <= 4 * height:
        return count
    return max(1, math.ceil(math.sqrt(count * height / width)))


def _sheet(tiles: Array, columns: int) -> Array:
    """Lay tiles (count, height, width, channels) out in rows, with a gap between."""
    import numpy as np

    count, height, width, channels = tiles.shape
    columns = max(1, columns)
    rows = -(-count // columns)
    gap = 1 + max(height, width) // _GAP
    size = (rows * (height + gap) - gap, columns * (width + gap) - gap, channels)
    sheet = np.full(size, np.nan, tiles.dtype)
    for index, tile in enumerate(tiles):
        y, x = index // columns * (height + gap), index % columns * (width + gap)
        sheet[y : y + height, x : x + width] = tile
    return sheet


def _patch_size(elements: int) -> tuple[int, int] | None:
    """Frames and side of a flat patch of colour: 3·t·p·p elements."""
    for frames in (1, 2):
        side = math.isqrt(elements // (3 * frames))
        if side >= _SMALLEST and 3 * frames * side * side == elements:
            return frames, side
    return None


def _of_small_tiles(values: Array, beside: Mapping[str, Array]) -> Layout | None:
    """Take tiles for patches where a grid says that there are so many of them."""
    count, side = math.prod(values.shape[:-3]), values.shape[-1]
    square = values.shape[-3] == 3 and values.shape[-2] == side
    if not square or count < _SMALLEST or _grid(count, beside) is None:
        return None
    return _patches(values.reshape(count, -1), (1, side), beside)


def _patches(flat: Array, patch: tuple[int, int], beside: Mapping[str, Array]) -> Layout:
    """Put patches (count, elements) together, in whichever order gives the smoothest picture.

    Families keep the channels of a patch first or last, and neighbouring
    patches in rows or in small squares. The wrong order shows seams.
    """
    grid = _grid(len(flat), beside)
    side = patch[1]
    if grid is None:
        columns = math.ceil(math.sqrt(len(flat)))
        orders: list[Callable[[Array], Array]] = [
            partial(_loose, patch=patch, columns=columns, last=last) for last in (False, True)
        ]
        told = f"{len(flat)} patches of {side}x{side} pixels in the tensor's order; no grid is told"
    else:
        orders = list(_orders(grid, patch))
        told = f"{grid[1]}x{grid[0]} patches of {side}x{side} pixels, the first item"
    best = min(orders, key=lambda order: _roughness(order(flat)))
    return Layout(lambda values: best(values.reshape(flat.shape)), told)


def _grid(count: int, beside: Mapping[str, Array]) -> tuple[int, int] | None:
    """Rows and columns of the first item's patches, from a tensor whose rows multiply to them."""
    for name, grid in beside.items():
        if grid.ndim != 2 or grid.shape[-1] not in (2, 3) or "position" in name:
            continue
        if grid.dtype.kind not in "iu" or (grid < 1).any():
            continue
        if int(grid.prod(-1).sum()) == count or _padded(count, grid):
            return int(grid[0, -2]), int(grid[0, -1])
    return None


def _padded(count: int, grid: Array) -> bool:
    """Tell whether every item has as many patches, some of them for padding."""
    return bool(count % len(grid) == 0 and grid.prod(-1).max() <= count // len(grid))


def _orders(grid: tuple[int, int], patch: tuple[int, int]) -> Iterator[Callable[[Array], Array]]:
    for last in (False, True):
        for merge in _MERGES:
            if grid[0] % merge == 0 and grid[1] % merge == 0:
                yield partial(_joined, grid=grid, patch=patch, merge=merge, last=last)


def _joined(
    flat: Array, *, grid: tuple[int, int], patch: tuple[int, int], merge: int, last: bool
) -> Array:
    """Put the first rows·columns patches together, of which `merge`·`merge` stand together."""
    (rows, columns), side = grid, patch[1]
    tiles = _opened(flat[: rows * columns], patch, last=last)
    blocks = tiles.reshape(rows // merge, columns // merge, merge, merge, side, side, 3)
    return blocks.transpose(0, 2, 4, 1, 3, 5, 6).reshape(rows * side, columns * side, 3)


def _loose(flat: Array, *, patch: tuple[int, int], columns: int, last: bool) -> Array:
    return _sheet(_opened(flat, patch, last=last), columns)


def _opened(flat: Array, patch: tuple[int, int], *, last: bool) -> Array:
    """The first frame of each patch, (count, side, side, 3)."""
    frames, side = patch
    if last:
        return flat.reshape(-1, frames, side, side, 3)[:, 0]
    return flat.reshape(-1, 3, frames, side, side)[:, :, 0].transpose(0, 2, 3, 1)


def _roughness(picture: Array) -> float:
    """How much neighbouring pixels differ, on the whole."""
    import numpy as np

    return float(
        np.nanmean(np.abs(np.diff(picture, axis=0))) + np.nanmean(np.abs(np.diff(picture, axis=1)))
    )
