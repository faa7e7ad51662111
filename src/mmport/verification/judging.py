"""The small vocabulary that every stage's judge speaks: exact, and within a bound."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mmport.model.evidence import Measurement, Outcome, Stage
from mmport.verification.bounds import Bound

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[Any]]

CANDIDATE = "vLLM"
"""Who left a request out, at the beginning of a measurement's detail."""

_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Judge:
    """Makes the measurements of one stage in one scenario."""

    stage: Stage
    scenario: str

    def exact(self, subject: str, problems: Sequence[str], *, note: str = "") -> Measurement:
        """Pass if there is no problem, with a note perhaps; else name the first few."""
        outcome = Outcome.FAILED if problems else Outcome.PASSED
        detail = shorten(problems) if problems else note
        return Measurement(self.stage, self.scenario, subject, outcome, detail=detail)

    def not_compared(self, subject: str, reason: str) -> Measurement:
        """Note what could not be compared, and why; it neither passes nor fails."""
        return Measurement(self.stage, self.scenario, subject, Outcome.NOT_RUN, detail=reason)

    def sequences(
        self, subject: str, expected: Sequence[object], found: Sequence[object]
    ) -> Measurement:
        """Pass if two sequences are equal; else say where they part."""
        return self.exact(subject, _first_difference(expected, found))

    def within(self, subject: str, figure: float, bound: float, detail: str = "") -> Measurement:
        """Pass if a figure is within its bound; what is no finite number is not.

        The floor that a bound was made from is noted beside it.
        """
        passed = math.isfinite(figure) and figure <= bound
        return Measurement(
            self.stage,
            self.scenario,
            subject,
            Outcome.PASSED if passed else Outcome.FAILED,
            figure=figure if math.isfinite(figure) else None,
            bound=float(bound),
            detail="" if passed else detail or _not_finite(figure),
            floor=bound.floor if isinstance(bound, Bound) else None,
        )

    def arrays(
        self, subject: str, expected: Array, found: Array, bound: float, *, relative: bool = False
    ) -> Measurement:
        """Hold the largest difference of two arrays to a bound; shapes must agree.

        A relative difference is over the largest absolute value expected. Values
        that are no finite numbers are a finding, on both sides too: nothing is
        known of what they hide.
        """
        if expected.shape != found.shape:
            return self.exact(
                subject, [f"shape {list(found.shape)}, expected {list(expected.shape)}"]
            )
        if expected.size == 0:
            return self.within(subject, 0.0, bound)
        import numpy as np

        odd = _odd_values(expected, found)
        if odd:
            return self.within(subject, math.nan, bound, odd)
        difference = np.abs(expected - found)
        scale = float(np.abs(expected).max()) if relative else 1.0
        place = np.unravel_index(int(difference.argmax()), difference.shape)
        detail = (
            f"at {[int(index) for index in place]}: "
            f"{found[place]:.6g}, expected {expected[place]:.6g}"
        )
        return self.within(subject, float(difference.max()) / (scale or 1.0), bound, detail)


def largest(figures: Sequence[float]) -> float:
    """The largest figure; NaN if one is NaN, infinity if there is none at all."""
    if any(math.isnan(figure) for figure in figures):
        return math.nan
    return max(figures, default=math.inf)


def shorten(problems: Sequence[str]) -> str:
    """Join the first few problems and say how many more there are."""
    shown = "; ".join(problems[:_SHOWN])
    more = len(problems) - _SHOWN
    return f"{shown}; and {more} more" if more > 0 else shown


def _first_difference(expected: Sequence[object], found: Sequence[object]) -> list[str]:
    for index, (want, got) in enumerate(zip(expected, found, strict=False)):
        if want != got:
            return [f"at {index}: {got}, expected {want}"]
    if len(expected) != len(found):
        return [f"{len(found)} of them, expected {len(expected)}"]
    return []


def _odd_values(expected: Array, found: Array) -> str:
    """Say where values are no finite numbers, and on which side; empty if nowhere."""
    import numpy as np

    sides = ~np.isfinite(expected), ~np.isfinite(found)
    odd = sides[0] | sides[1]
    if not odd.any():
        return ""
    place = tuple(int(index) for index in np.argwhere(odd)[0])
    sharers = "both sides" if sides[0][place] and sides[1][place] else "one side"
    return (
        f"at {list(place)}: {found[place]}, expected {expected[place]}; "
        f"{int(odd.sum())} of {odd.size} values are no finite numbers, this on {sharers}"
    )


def _not_finite(figure: float) -> str:
    return "" if math.isfinite(figure) else "not a finite number"
