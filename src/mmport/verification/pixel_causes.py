"""Guesses why processed values differ: another order, another normalisation, or another picture."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mmport.verification.judging import Array

_CHANNELS = 3
_CLOSE = 1e-4
"""Of the largest value: what an explanation may leave unexplained."""


def cause(expected: Array, found: Array) -> str:
    """Name what would turn HF's values into vLLM's; empty if nothing simple does.

    Args:
        expected: HF's values; the first dimension counts tiles, patches or items.
        found: vLLM's, of the same shape.
    """
    if expected.shape != found.shape or not expected.size:
        return ""
    return (
        _other_order(expected, found)
        or _other_channels(expected, found)
        or _scaled(expected, found)
    )


def _other_order(expected: Array, found: Array) -> str:
    """Tell whether the tiles or patches are the same ones in another order."""
    import numpy as np

    for axis in range(min(2, expected.ndim - 1)):
        count = expected.shape[axis]
        if count < 2:
            continue
        ours = np.moveaxis(expected, axis, 0).reshape(count, -1)
        theirs = np.moveaxis(found, axis, 0).reshape(count, -1)
        order = [np.argsort(side.sum(axis=1), kind="stable") for side in (ours, theirs)]
        moved = order[0] != order[1]
        if moved.any() and _close(ours[order[0]], theirs[order[1]]):
            first = int(order[1][np.flatnonzero(moved)[0]])
            came = int(order[0][np.flatnonzero(moved)[0]])
            what = "the channels" if count == _CHANNELS else f"the {count} parts of axis {axis}"
            return f"{what} are in another order: {first} is HF's {came}"
    return ""


def _other_channels(expected: Array, found: Array) -> str:
    """Tell whether red and blue are exchanged, wherever the channels stand."""
    import numpy as np

    for axis in range(expected.ndim):
        if expected.shape[axis] == _CHANNELS and _close(np.flip(expected, axis), found):
            return "the channels are in the opposite order"
    return ""


def _scaled(expected: Array, found: Array) -> str:
    """Tell whether the values are the same picture, normalised in another way."""
    import numpy as np

    axes = [axis for axis in range(expected.ndim) if expected.shape[axis] == _CHANNELS]
    for axis, kind in [(None, ""), *product(axes[:1], [" of each channel"])]:
        if axis is None:
            groups = [(expected.ravel(), found.ravel())]
        else:
            groups = [
                (np.take(expected, index, axis).ravel(), np.take(found, index, axis).ravel())
                for index in range(_CHANNELS)
            ]
        fits = [_fit(*group) for group in groups]
        if all(fit is not None for fit in fits):
            told = "; ".join(f"{fit[0]:.4g} times HF's and {fit[1]:+.4g}" for fit in fits if fit)
            return f"the same picture{kind}, normalised otherwise: {told}"
    return ""


def _fit(expected: Array, found: Array) -> tuple[float, float] | None:
    """Factor and offset that turn one into the other, if some do."""
    import numpy as np

    if expected.size < 3 or float(np.ptp(expected)) == 0.0:
        return None
    wide, narrow = expected.astype(np.float64), found.astype(np.float64)
    factor, offset = np.polyfit(wide, narrow, 1)
    if abs(factor) < _CLOSE or not _close(wide * factor + offset, narrow):
        return None
    return float(factor), float(offset)


def _close(first: Array, second: Array) -> bool:
    import numpy as np

    scale = float(np.abs(second).max()) or 1.0
    return bool(np.abs(first - second).max() <= _CLOSE * scale)
