"""Brings an item on which something fails as near to a typical one as it still fails."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Item = dict[str, Any]

MOST_TRIES = 40
_SIZES = ("frames", "width", "height")


def shrink(
    failing: Mapping[str, Any],
    typical: Mapping[str, Any],
    fails: Callable[[Item], bool],
    most_tries: int = MOST_TRIES,
) -> Item:
    """Find an item that fails and differs from the typical one in as little as may be.

    Each size is first set to the typical one's, then halved towards it, until
    neither helps: one less in any direction would pass, or the tries are spent.

    Args:
        failing: the item that is known to fail.
        typical: an item of the same kind, thought to pass.
        fails: tells of an item whether it fails; asked at most `most_tries` times.
        most_tries: how often `fails` is asked.
    """
    known: dict[tuple[int, ...], bool] = {}
    best, target = sizes_of(failing), sizes_of(typical)

    def still_fails(sizes: dict[str, int]) -> bool:
        key = tuple(sizes.values())
        if key not in known and len(known) >= most_tries:
            return False
        if key not in known:
            known[key] = fails(with_sizes(failing, sizes))
        return known[key]

    changed = True
    while changed and len(known) < most_tries:
        changed = False
        for name in best:
            nearer = _nearest(name, best, target[name], still_fails)
            changed = changed or nearer != best
            best = nearer
    return with_sizes(failing, best)


def sizes_of(item: Mapping[str, Any]) -> dict[str, int]:
    """The whole numbers that say how large an item is: frames and pixels, or samples."""
    if item["kind"] == "audio":
        return {"samples": round(item["seconds"] * item["rate"])}
    return {name: item[name] for name in _SIZES if item.get(name)}


def with_sizes(item: Mapping[str, Any], sizes: Mapping[str, int]) -> Item:
    """The same item, but so large."""
    if "samples" in sizes:
        return {**item, "seconds": sizes["samples"] / item["rate"]}
    return {**item, **sizes}


def _nearest(
    name: str, best: dict[str, int], target: int, still_fails: Callable[[dict[str, int]], bool]
) -> dict[str, int]:
    """Move one size towards the target as far as it fails, by halving the way."""
    if best[name] == target:
        return best
    if still_fails({**best, name: target}):
        return {**best, name: target}
    passes = target
    while abs(best[name] - passes) > 1:
        middle = (best[name] + passes) // 2
        if still_fails({**best, name: middle}):
            best = {**best, name: middle}
        else:
            passes = middle
    return best
