"""How far two right implementations may part: made from how far HF parts from itself.

A bound is the larger of a multiple of the noise floor that was measured on HF's
side, and a multiple of the dtype's eps times the scale of what is compared: a
floor can be zero. The multiples are not of one model or dtype. They come from
`benchmarks/calibration.py`, which finds on one half of the right ports by how
much a port's figure exceeds its floor, and counts the alarms on the other half.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

EPS = {"float32": 2.0**-23, "float16": 2.0**-10, "bfloat16": 2.0**-7}
"""The distance from 1 to the next number, by dtype."""

FLOOR_MULTIPLE = 4.0
"""Of the floor of a model's logprobs or features: the largest difference anywhere.

A right port's largest was up to 2.4 times HF's own, in any dtype.
"""

SPREAD_MULTIPLE = 4.0
"""Of the floor of one prompt's root mean square; a right port's was up to 2.1 times HF's."""

EVENT_MULTIPLE = 6.0
"""Of the floor at one tensor; of a thousand of right ports the worst was 2.6 times HF's."""

EPS_MULTIPLE = 2.0
"""Of eps times scale, beside a floor: each side rounds its largest value once more."""

EVENT_EPS_MULTIPLE = 4.0
"""The same at one tensor, where a floor may be nothing: what HF does not round, a port may."""

ALONE_MULTIPLE = 32.0
"""Of eps times scale, where no variant of HF ran and there is no floor."""

PIXEL_MULTIPLE = 16.0
"""Of float32's eps: processors compute in float32, whatever the model's dtype is."""

_SPREAD = 0.125
"""What a root mean square of rounding is of the largest of its values, about."""


class Bound(float):
    """A bound that knows the floor it was made from; None where none was measured."""

    __slots__ = ("floor",)

    floor: float | None

    def __new__(cls, value: float, floor: float | None = None) -> Bound:
        """Make a number that is so large."""
        bound = super().__new__(cls, value)
        bound.floor = floor
        return bound


@dataclass(frozen=True, slots=True)
class Floors:
    """By how much HF parts from itself; None where it was not measured.

    `logprobs`: the largest difference, in nats. `features`: the largest over the
    largest value. `spreads`: by prompt (`SCENARIO/INDEX`), the root mean square of
    its logprobs' differences. `scale`: the largest absolute logprob of all prompts'
    next tokens. `variants`: names of those of HF that it was measured with.
    """

    logprobs: float | None = None
    features: float | None = None
    spreads: Mapping[str, float] = field(default_factory=dict)
    scale: float = 1.0
    variants: tuple[str, ...] = ()


_NONE = Floors()


@dataclass(frozen=True, slots=True)
class Bounds:
    """Largest differences that still count as the same.

    `pixels`: of processed pixel values, over the largest. `features`: of encoder
    and connector outputs, over the largest. `logprobs`: absolute, in nats.
    `floors` is what they were made from.
    """

    dtype: str
    pixels: Bound
    features: Bound
    logprobs: Bound
    floors: Floors

    def event(self, floor: float | None) -> Bound:
        """Bound what goes into or comes out of a module, over its largest value.

        What the processor may part by, the first module's input may part by too.
        """
        if floor is None:
            return _bound(None, EVENT_MULTIPLE, EPS[self.dtype])
        least = max(EVENT_EPS_MULTIPLE * EPS[self.dtype], self.pixels)
        return Bound(max(EVENT_MULTIPLE * floor, least), floor)

    def spread(self, prompt: str) -> Bound:
        """Bound the root mean square of the differences of one prompt's logprobs.

        Args:
            prompt: `SCENARIO/INDEX`.
        """
        unit = EPS[self.dtype] * self.floors.scale * _SPREAD
        return _bound(self.floors.spreads.get(prompt), SPREAD_MULTIPLE, unit)


def make_bounds(dtype: str, floors: Floors = _NONE) -> Bounds:
    """Make the bounds of one comparison.

    Args:
        dtype: that both sides run in.
        floors: measured on the very prompts that are compared; left out, all are unknown.
    """
    eps = EPS[dtype]
    return Bounds(
        dtype=dtype,
        pixels=pixel_bound(dtype),
        features=_bound(floors.features, FLOOR_MULTIPLE, eps),
        logprobs=_bound(floors.logprobs, FLOOR_MULTIPLE, eps * floors.scale),
        floors=floors,
    )


def pixel_bound(dtype: str) -> Bound:
    """Bound what a processor makes, over its largest value.

    Processors compute in float32 on both sides; vLLM then rounds what it gives
    to the model's dtype, once. There is no noise of HF's to measure here: the
    same code gives the same numbers.
    """
    cast = 0.0 if dtype == "float32" else EPS[dtype] / 2
    return Bound(PIXEL_MULTIPLE * EPS["float32"] + cast)


def _bound(floor: float | None, multiple: float, unit: float) -> Bound:
    if floor is None:
        return Bound(ALONE_MULTIPLE * unit)
    return Bound(max(multiple * floor, EPS_MULTIPLE * unit), floor)
