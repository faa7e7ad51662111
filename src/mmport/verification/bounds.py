"""How far two right implementations may part, by dtype."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bounds:
    """Largest differences that still count as the same.

    `pixels`: absolute, of processed pixel values. `features`: of encoder and
    connector outputs, the largest absolute difference over the largest
    absolute value. `logprobs`: absolute, in nats.
    """

    pixels: float
    features: float
    logprobs: float


# In float32 right ports part by about 1e-6 in features and 2e-5 in logprobs, and
# the smallest seeded bug by more than 1e-2: the bounds lie between, nearer to right.
BOUNDS = {
    "float32": Bounds(pixels=1e-5, features=1e-4, logprobs=1e-3),
    "float16": Bounds(pixels=2e-3, features=1e-2, logprobs=5e-2),
    "bfloat16": Bounds(pixels=2e-2, features=5e-2, logprobs=3e-1),
}
