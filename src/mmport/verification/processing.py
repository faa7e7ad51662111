"""Judges the processor: token ids, positions of the placeholders, tensors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mmport.model.evidence import Measurement, Outcome, Stage
from mmport.model.facts import ModelFacts
from mmport.verification.bounds import Bounds
from mmport.verification.cases import Scenario
from mmport.verification.judging import CANDIDATE, Judge
from mmport.verification.older_processor import OlderProcessor
from mmport.verification.pixel_causes import cause
from mmport.verification.processor_paths import judge_paths
from mmport.verification.stage_files import StageFiles, scenario_stage

if TYPE_CHECKING:
    from mmport.verification.judging import Array
    from mmport.verification.stage_files import Tensors


def judge_processor(
    reference: StageFiles, candidate: StageFiles, facts: ModelFacts, bounds: Bounds
) -> Iterator[Measurement]:
    """Compare token ids, placeholder positions and tensors of every case.

    Where the model's parts are known, each item's span is compared, and its
    pixel values have to be there.
    """
    expected, found = reference.document("processor"), candidate.document("processor")
    if expected is None or found is None:
        return
    tensors, found_tensors = reference.tensors("processor"), candidate.tensors("processor")
    shrunk = candidate.document("processor-shrunk") or {}
    older = OlderProcessor(candidate)
    for case, wanted in expected.items():
        judge = Judge(Stage.PROCESSOR, case)
        if "left_out" in wanted:
            yield judge.not_compared("case", wanted["left_out"])
            continue
        given = found[case]
        if "left_out" in given:
            yield judge.not_compared("case", f"{CANDIDATE}: {given['left_out']}")
            continue
        sides = _of(case, tensors), _of(case, found_tensors)
        drawn = wanted.get("asked", {}).get("drawn", False)
        for compared in _case(judge, wanted, given, sides, facts, bounds):
            measurement = older.excused(compared, sides[1], bounds)
            # What cannot be compared is said of the typical items; of all, it were noise.
            if not drawn or measurement.outcome is not Outcome.NOT_RUN:
                yield _with_nearest(measurement, shrunk.get(case))
    yield from older.told()
    yield from judge_paths(reference, candidate)


def _case(
    judge: Judge,
    wanted: dict[str, Any],
    given: dict[str, Any],
    tensors: tuple[Tensors, Tensors],
    facts: ModelFacts,
    bounds: Bounds,
) -> Iterator[Measurement]:
    if "error" in given:
        yield judge.exact("engine", [given["error"]])
        return
    if facts.knows_parts:
        yield judge.sequences("placeholder spans", wanted["spans"], given["spans"])
    yield _positions(judge, wanted, given)
    yield judge.sequences("token ids", wanted["ids"], given["ids"])
    yield from _tensors(judge, *tensors, facts, bounds)


def _with_nearest(measurement: Measurement, shrunk: dict[str, Any] | None) -> Measurement:
    """Add the item nearest to a typical one on which it fails as well."""
    if shrunk is None or measurement.outcome is not Outcome.FAILED:
        return measurement
    told = shrunk.get("not_shrunk") or f"it fails from {shrunk['name']} on"
    detail = "; ".join(filter(None, (measurement.detail, told)))
    return replace(measurement, detail=detail)


def judge_prompts(
    scenario: Scenario, reference: StageFiles, candidate: StageFiles
) -> Iterator[Measurement]:
    """Compare the token ids of every prompt that was run."""
    judge = Judge(Stage.PROCESSOR, scenario.name)
    stage = scenario_stage(scenario.name)
    sides = reference.document(stage), candidate.document(stage)
    if sides[0] is None or sides[1] is None:
        return
    pairs = zip(sides[0]["requests"], sides[1]["requests"], strict=True)
    for index, (wanted, answer) in enumerate(pairs):
        if wanted is not None and answer is not None:
            yield judge.sequences(f"prompt ids {index}", wanted["prompt"], answer["prompt"])


def _positions(judge: Judge, wanted: dict[str, Any], given: dict[str, Any]) -> Measurement:
    """Compare the positions that take embeddings, over all items of a prompt."""
    subject = "placeholder positions"
    if not wanted["positions"]:
        return judge.not_compared(subject, "HF's ids hold no placeholder token that is known")
    positions: Sequence[int] = wanted["positions"]
    if len(positions) != len(given["positions"]):
        counts = f"{len(given['positions'])} positions, expected {len(positions)}"
        return judge.exact(subject, [f"{counts} ({_by_item(given)})"])
    return judge.sequences(subject, positions, given["positions"])


def _by_item(given: dict[str, Any]) -> str:
    return "; ".join(f"{kind}: {counts}" for kind, counts in given["embeddings"].items())


def _tensors(
    judge: Judge, expected: Tensors, found: Tensors, facts: ModelFacts, bounds: Bounds
) -> Iterator[Measurement]:
    """Compare tensors of one name and size; how their items are laid out may differ.

    Patches that each side keeps in an order of its own are left to the features.
    """
    for key, values in expected.items():
        subject = key.replace("_", " ")
        theirs = found.get(key)
        if theirs is not None and theirs.size == values.size:
            yield _values(judge, subject, values, theirs, bounds)
            continue
        size = "none" if theirs is None else f"one of {theirs.size} elements"
        reason = f"vLLM has {size}, HF one of {list(values.shape)}"
        if facts.knows_parts and key == "pixel_values":
            yield judge.exact(subject, [reason])
        else:
            yield judge.not_compared(subject, reason)


def _values(
    judge: Judge, subject: str, values: Array, theirs: Array, bounds: Bounds
) -> Measurement:
    """Compare two tensors of one size, and say why they may differ."""
    shaped = theirs.reshape(values.shape)
    compared = judge.arrays(subject, values, shaped, bounds.pixels, relative=True)
    if compared.outcome is not Outcome.FAILED:
        return compared
    if _reordered(values, theirs, bounds):
        reason = f"the same values, but {list(theirs.shape)} are in another order"
        return judge.not_compared(subject, reason)
    detail = "; ".join(filter(None, (compared.detail, cause(values, shaped))))
    return replace(compared, detail=detail)


def _reordered(expected: Array, found: Array, bounds: Bounds) -> bool:
    """Tell whether two arrays of other shapes hold the same values."""
    import numpy as np

    if [size for size in expected.shape if size > 1] == [size for size in found.shape if size > 1]:
        return False
    apart = np.abs(np.sort(expected, axis=None) - np.sort(found, axis=None))
    return bool((apart <= bounds.pixels * np.abs(expected).max()).all())


def _of(case: str, tensors: Tensors) -> Tensors:
    prefix = f"{case}/"
    return {
        name.removeprefix(prefix): value
        for name, value in tensors.items()
        if name.startswith(prefix)
    }
