"""Items each by itself, where HF lets one change what it computes of another.

A processor pads the recordings of a prompt to the longest, and an encoder that does
not mask all of the padding makes something else of the shorter ones. vLLM keeps an
item's features and uses them in any prompt: what is right of an item can only hang on
the item. So where HF's own features of one change with what is beside it, the
reference takes them as they are without.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from copy import copy
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from .tap import MAIN_PARTS, FeatureTap, feature_rows

if TYPE_CHECKING:
    import torch

_EPS_MULTIPLE = 256
"""Of eps and the largest value: what two orders of summation may do, and no neighbour."""

Inputs = Mapping[str, Any]
Run = Callable[[Inputs], Any]


class Alone(NamedTuple):
    """Items each by itself: the inputs, what methods of features give, and how that differs.

    All are empty where the features do not change with neighbours; `change` is by
    how much they do, over what rounding may do.
    """

    inputs: Sequence[Inputs] = ()
    values: Mapping[str, Sequence[Any]] = {}
    change: float = 0.0


def single_requests(
    request: Mapping[str, Any], typical: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Ask about each item by itself that has another of its kind beside it.

    Args:
        request: as of a scenario.
        typical: requests, one of which is about one item of each kind.
    """
    counts = Counter(item["kind"] for item in request["items"])
    about_one = {
        one["items"][0]["kind"]: one for one in reversed(typical) if len(one["items"]) == 1
    }
    return [
        {**about_one[item["kind"]], "items": [item]}
        for item in request["items"]
        if counts[item["kind"]] > 1 and item["kind"] in about_one
    ]


def values_alone(tap: FeatureTap, run: Run, singles: Sequence[Inputs]) -> dict[str, list[Any]]:
    """What each method of features gives for the items it computes, each by itself."""
    values: dict[str, list[Any]] = {}
    for inputs in singles:
        found = tap.first(partial(run, inputs))
        if found is not None:
            values.setdefault(found[0], []).append(found[1])
    return values


def change_by_neighbours(
    tap: FeatureTap, run: Run, inputs: Inputs, alone: Mapping[str, Sequence[Any]]
) -> float:
    """By how much HF's features of a prompt's items differ from those of each by itself.

    Returns:
        The largest difference over what rounding may do: 1 and less is none.
    """
    largest = 0.0
    for name, values in alone.items():
        found = tap.first(partial(run, inputs), name)
        joint = found[1] if found is not None else None
        other = rejoined(joint, values)
        for ours, theirs in zip(feature_rows(joint), feature_rows(other), strict=True):
            largest = max(largest, _apart(ours, theirs, values))
    return largest


def _apart(ours: torch.Tensor, theirs: torch.Tensor, values: Sequence[Any]) -> float:
    import torch

    dtype = next(iter(_tensors(values[0]))).dtype
    rounding: float = _EPS_MULTIPLE * torch.finfo(dtype).eps * ours.abs().max().item()
    apart: float = (ours - theirs).abs().max().item()
    return apart / rounding if rounding else apart


def each_alone(tap: FeatureTap, alone: Mapping[str, Sequence[Any]]) -> AbstractContextManager[None]:
    """Inside the block, have methods give what they give for each item by itself."""
    return tap.changed({name: partial(rejoined, alone=values) for name, values in alone.items()})


def rejoined(joint: Any, alone: Sequence[Any]) -> Any:
    """Put what was computed of each item by itself in the place of what it is beside others.

    The form is that of `joint`, which is given back as it is where the others do not fit.
    """
    import torch

    if isinstance(joint, torch.Tensor):
        return _rejoined_tensor(joint, alone)
    for name in MAIN_PARTS:
        part = getattr(joint, name, None)
        if part is not None:
            other = copy(joint)
            setattr(other, name, rejoined(part, [getattr(one, name) for one in alone]))
            return other
    if isinstance(joint, (tuple, list)) and len(joint) == len(alone):
        parts = [_only(one) for one in alone]
        fits = all(
            isinstance(part, torch.Tensor) and part.shape == place.shape
            for part, place in zip(parts, joint, strict=True)
        )
        return type(joint)(parts) if fits else joint
    return joint


def _rejoined_tensor(joint: torch.Tensor, alone: Sequence[Any]) -> torch.Tensor:
    """Rows of items one after another, or padded to the longest with an item each."""
    import torch

    width = joint.shape[-1]
    rows = [torch.cat([*_tensors(one)]).reshape(-1, width) for one in alone]
    if joint.ndim == 2 and sum(map(len, rows)) == len(joint):
        return torch.cat(rows)
    if joint.ndim < 3 or len(joint) != len(rows):
        return joint
    other = joint.clone()
    places = other.view(len(rows), -1, width)
    if any(len(one) > places.shape[1] for one in rows):
        return joint
    for place, one in zip(places, rows, strict=True):
        place[: len(one)] = one
    return other


def _only(value: Any) -> Any:
    """The one item's part of a sequence with a part an item."""
    return value[0] if isinstance(value, (tuple, list)) and len(value) == 1 else value


def _tensors(value: Any) -> list[torch.Tensor]:
    import torch

    if isinstance(value, torch.Tensor):
        return [value]
    for name in MAIN_PARTS:
        if getattr(value, name, None) is not None:
            return _tensors(getattr(value, name))
    return [part for one in value for part in _tensors(one)] if value is not None else []
