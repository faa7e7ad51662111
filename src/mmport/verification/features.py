"""Judges the features of items: after the tower, after the connector, and as they are merged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mmport.model.evidence import Measurement, Stage
from mmport.model.facts import ModelFacts
from mmport.verification.bounds import Bounds
from mmport.verification.cases import Scenario
from mmport.verification.judging import Judge
from mmport.verification.outputs import answers, scenario_tensors
from mmport.verification.stage_files import StageFiles

if TYPE_CHECKING:
    from mmport.verification.judging import Array
    from mmport.verification.stage_files import Tensors

_ORDERED = ("together", "alone", "cut")
"""How requests are sent when an engine computes the features of each item, once."""


def judge_encoder(
    scenario: Scenario,
    reference: StageFiles,
    candidate: StageFiles,
    facts: ModelFacts,
    bounds: Bounds,
) -> Iterator[Measurement]:
    """Compare features as rows, in the order in which the engine was sent the requests."""
    sides = scenario_tensors(scenario, reference, candidate)
    if sides is None or scenario.embeds or scenario.sent not in _ORDERED:
        return
    ran = _both_ran(scenario, reference, candidate)
    if not ran:
        return
    expected, found = sides
    judge = Judge(Stage.ENCODER, scenario.name)
    if facts.knows_parts:
        yield from _parts(judge, expected, found, ran, bounds)
    blocks = [rows for index in ran for rows in _in_order(expected, f"features/{index}/")]
    computed = _in_order(found, "features/")
    kinds = {item.kind for index in ran for item in scenario.requests[index].items}
    if len(kinds) > 1:
        blocks = _as_in(blocks, computed)
    yield _features(judge, blocks, computed, bounds)
    yield from _neighbours(judge, answers(scenario, reference), ran)


def _neighbours(
    judge: Judge, answered: Sequence[Mapping[str, Any] | None], ran: list[int]
) -> Iterator[Measurement]:
    """Say where HF's own features of an item hang on its neighbours, and are not compared."""
    changes = [(answered[index] or {}).get("neighbours", 0.0) for index in ran]
    if any(changes):
        yield judge.not_compared(
            "features beside others",
            "HF lets one item change the features of another, by "
            f"{max(changes):.0f} times what rounding may do; the reference is each by itself",
        )


def _both_ran(scenario: Scenario, reference: StageFiles, candidate: StageFiles) -> list[int]:
    """Requests with items that both sides answered, in the order in which they were sent."""
    pairs = zip(answers(scenario, reference), answers(scenario, candidate), strict=True)
    answered = [None not in pair for pair in pairs]
    order = scenario.order or range(len(scenario.requests))
    return [index for index in order if answered[index] and scenario.requests[index].items]


def _parts(
    judge: Judge, expected: Tensors, found: Tensors, ran: list[int], bounds: Bounds
) -> Iterator[Measurement]:
    import numpy as np

    for subject, event in (("tower", "input"), ("connector", "output")):
        names = [f"connector/{index}/{event}" for index in ran]
        ours = [expected[name] for name in names if name in expected]
        theirs = found.get(f"connector/{event}")
        absent = [side for side, none in (("HF", not ours), ("vLLM", theirs is None)) if none]
        if absent or theirs is None:
            yield judge.exact(subject, [f"the connector did not run in {' and '.join(absent)}"])
        else:
            rows = np.concatenate(ours)
            yield judge.arrays(subject, rows, theirs, bounds.features, relative=True)


def _features(
    judge: Judge, expected: list[Array], found: list[Array], bounds: Bounds
) -> Measurement:
    """Compare the features of all items; another form of them is left to the logits."""
    subject = "features"
    for side, rows in (("HF", expected), ("vLLM", found)):
        if not rows:
            return judge.not_compared(subject, f"{side} calls no method that gives them")
    widths = [sorted({rows.shape[-1] for rows in side}) for side in (expected, found)]
    counts = [sum(len(rows) for rows in side) for side in (expected, found)]
    if widths[0] != widths[1] or len(widths[0]) != 1 or counts[0] != counts[1]:
        forms = [f"{count} rows of {width}" for count, width in zip(counts, widths, strict=True)]
        return judge.not_compared(subject, f"vLLM gives {forms[1]}, HF {forms[0]}")
    import numpy as np

    ours, theirs = np.concatenate(expected), np.concatenate(found)
    return judge.arrays(subject, ours, theirs, bounds.features, relative=True)


def _as_in(blocks: list[Array], found: list[Array]) -> list[Array]:
    """Put blocks of rows in the order in which they come on the other side.

    An engine computes items by kind, whatever their order in the prompts; the
    merge puts them in their places again.
    """
    import numpy as np

    if len({rows.shape[-1] for rows in (*blocks, *found)}) != 1:
        return blocks
    computed, left, ordered = np.concatenate(found), list(blocks), []
    start = 0
    while left:
        apart = [_apart(rows, computed[start : start + len(rows)]) for rows in left]
        ordered.append(left.pop(int(np.argmin(apart))))
        start += len(ordered[-1])
    return ordered


def _apart(one: Array, other: Array) -> float:
    import numpy as np

    if one.shape != other.shape:
        return float("inf")
    return float(np.nan_to_num(np.abs(one - other), nan=np.inf).max(initial=0.0))


def _in_order(tensors: Tensors, prefix: str) -> list[Array]:
    """Give tensors by the number of the call at the end of their names."""
    names = [name for name in tensors if name.startswith(prefix)]
    return [tensors[name] for name in sorted(names, key=lambda name: int(name.split("/")[-1]))]
