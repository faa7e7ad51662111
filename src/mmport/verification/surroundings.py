"""What lies beside a module in the order of a run: whether a divergence names the right place."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from mmport.model.evidence import Divergence

# What the engine calls on a model, and after and before which phases it does.
_BETWEEN = {
    "embed_multimodal": (("encoder",), ("merge", "decoder", "logits")),
    "embed_input_ids": (("encoder", "merge"), ("decoder", "logits")),
    "forward": (("encoder", "merge"), ("decoder", "logits")),
    "compute_logits": (("encoder", "merge", "decoder"), ()),
}
_LOOSE = 2
"""Events of other modules that an interval may hold beside the fault."""

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The modules of an implementation in the order of their first calls.

    `order`: of each its `path`, `begin` and `end` on one clock, its `phase`, and
    whether it has `weights` of its own: only such are aligned and compared.
    """

    order: Sequence[dict[str, Any]]

    def right(self, place: str, divergence: Divergence | None) -> bool | None:
        """Whether a divergence names a place, or the edge beside it.

        Returns:
            None where there is nothing to say: the place is no module.
        """
        intervals = [found for one in place.split(" + ") if (found := self._interval(one))]
        if not intervals:
            return None
        if divergence is None:
            return False
        named = self._named(divergence)
        return named is not None and any(self._beside(interval, named) for interval in intervals)

    def _interval(self, place: str) -> Interval | None:
        """When the fault shows: the first call of its module, or between two phases."""
        place = place.partition(" ")[0]
        if place in _BETWEEN:
            before, after = _BETWEEN[place]
            ends = [one["end"] for one in self.order if one["phase"] in before]
            begins = [one["begin"] for one in self.order if one["phase"] in after]
            return max(ends, default=0.0), min(begins, default=math.inf)
        while place:
            module = self._module(place)
            if module is not None:
                return module["begin"], module["end"]
            place = place.rpartition(".")[0]
        return None

    def _named(self, divergence: Divergence) -> Interval | None:
        module = self._module(divergence.vllm.module) or self._whole(divergence)
        if divergence.kind == "node":
            return (module["begin"], module["end"]) if module else None
        end = module["begin"] if module else math.inf
        before = divergence.after_vllm and self._module(divergence.after_vllm.module)
        begin = before["end"] if before else -math.inf
        # A module that is called again may be the one after: its first call says little then.
        return min(begin, end), max(begin, end)

    def _whole(self, divergence: Divergence) -> dict[str, Any] | None:
        """What enters the model as a whole enters its language model first."""
        if divergence.vllm.module:
            return None
        return next((one for one in self.order if one["phase"] == "decoder"), None)

    def _module(self, path: str) -> dict[str, Any] | None:
        return next((one for one in self.order if one["path"] == path), None)

    def _beside(self, fault: Interval, named: Interval) -> bool:
        """Whether nothing that is compared lies between the two, nor much else in what is named."""
        low, high = min(fault[1], named[1]), max(fault[0], named[0])
        between = sum(low < moment < high for moment in self._moments())
        outside = sum(
            named[0] < moment < named[1] and not fault[0] <= moment <= fault[1]
            for moment in self._moments()
        )
        return between == 0 and outside <= _LOOSE

    def _moments(self) -> Iterator[float]:
        for one in self.order:
            if one["weights"]:
                yield one["begin"]
                yield one["end"]
