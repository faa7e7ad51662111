"""Times ways of doing the same, in turns: what counts is their ratio."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping


def in_turns(ways: Mapping[str, Callable[[], object]], runs: int) -> dict[str, list[float]]:
    """Time each way in turn, several times over."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(runs):
        for name, way in ways.items():
            times[name].append(seconds(way))
    return times


def seconds(way: Callable[[], object]) -> float:
    """Time one run."""
    start = time.perf_counter()
    way()
    return time.perf_counter() - start


def print_ratios(times: dict[str, list[float]], base: str) -> None:
    """Print the median of each, and the median of its ratios to `base`, run by run."""
    for name, measured in times.items():
        pairs = zip(measured, times[base], strict=True)
        ratio = statistics.median(one / other for one, other in pairs)
        print(f"{name:28} {statistics.median(measured):7.2f} s   {ratio:5.2f}")
