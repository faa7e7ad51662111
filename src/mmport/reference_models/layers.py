"""Which layers stay when a model is made shallow: pure arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise


def compress(layers: Sequence[int], total: int) -> tuple[list[int], int]:
    """Take layers out between the ones whose outputs are used.

    Args:
        layers: indices into a model's `total + 1` hidden states, of which item
            0 is the embeddings and `total` the last layer's output; negative
            ones count from the end.
        total: the number of layers.

    Returns:
        The indices after the removal, and how many layers are left. Distinct
        states stay distinct and in order, neighbours stay neighbours and others
        do not become it; each index keeps its sign; the first and the last
        state stay first and last.

    Raises:
        IndexError: an index is out of range.
    """
    wrong = [layer for layer in layers if not -total - 1 <= layer <= total]
    if wrong:
        raise IndexError(f"layer {wrong[0]} of an encoder with {total} layers")
    places = [layer % (total + 1) for layer in layers]
    kept = sorted({0, total, *places})
    moved = {0: 0}
    for before, after in pairwise(kept):
        moved[after] = moved[before] + min(after - before, 2)
    left = moved[total]
    return [
        moved[place] - (left + 1 if layer < 0 else 0)
        for layer, place in zip(layers, places, strict=True)
    ], left


def choose(
    total: int, wanted: int, lists: Sequence[Sequence[object]], boundaries: Sequence[int]
) -> list[int]:
    """Choose `wanted` of `total` layers so that as many kinds as possible are among them.

    Args:
        total: the number of layers.
        wanted: how many to keep, at least one.
        lists: each has one entry a layer, saying of which kind it is.
        boundaries: layers from which on another kind begins.

    Returns:
        The layers to keep, ascending; all of them if there are fewer.
    """
    kinds = [
        (*(repr(entries[layer]) for entries in lists), *(layer >= at for at in boundaries))
        for layer in range(total)
    ]
    firsts = sorted({kind: layer for layer, kind in reversed(list(enumerate(kinds)))}.values())
    others = [layer for layer in range(total) if layer not in firsts]
    return sorted((firsts + others)[:wanted])
