"""Judges what flows through the model: encoder, logits, generation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mmport.model.evidence import Measurement, Stage
from mmport.model.facts import ModelFacts
from mmport.verification.bounds import Bounds
from mmport.verification.cases import Scenario
from mmport.verification.judging import CANDIDATE, Judge, largest
from mmport.verification.stage_files import StageFiles, scenario_stage

if TYPE_CHECKING:
    import numpy as np

    from mmport.verification.judging import Array
    from mmport.verification.stage_files import Tensors


def judge_left_out(
    scenario: Scenario, reference: StageFiles, candidate: StageFiles
) -> Iterator[Measurement]:
    """Note the requests that HF itself could not answer, and those that vLLM will not take."""
    judge = Judge(Stage.LOGITS, scenario.name)
    for side, files in (("HF itself", reference), (CANDIDATE, candidate)):
        document = files.document(scenario_stage(scenario.name))
        for index, reason in (document or {}).get("left_out", {}).items():
            yield judge.not_compared(f"request {index}", f"{side}: {reason}")


def judge_encoder(
    scenario: Scenario,
    reference: StageFiles,
    candidate: StageFiles,
    facts: ModelFacts,
    bounds: Bounds,
) -> Iterator[Measurement]:
    """Compare features as rows: after the tower, the connector, and as they are merged."""
    sides = _scenario_tensors(scenario, reference, candidate)
    if sides is None or scenario.embeds or not _ran_items(scenario, reference):
        return
    expected, found = sides
    judge = Judge(Stage.ENCODER, scenario.name)
    if facts.knows_parts:
        yield from _parts(judge, expected, found, bounds)
    yield _features(judge, _feature_rows(expected), _feature_rows(found), bounds)


def _parts(
    judge: Judge, expected: Tensors, found: Tensors, bounds: Bounds
) -> Iterator[Measurement]:
    for subject, name in (("tower", "connector/input"), ("connector", "connector/output")):
        absent = [side for side, has in (("HF", expected), ("vLLM", found)) if name not in has]
        if absent:
            yield judge.exact(subject, [f"the connector did not run in {' and '.join(absent)}"])
        else:
            yield judge.arrays(subject, expected[name], found[name], bounds.features, relative=True)


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


def judge_logits(
    scenario: Scenario,
    reference: StageFiles,
    candidate: StageFiles,
    facts: ModelFacts,
    bounds: Bounds,
) -> Iterator[Measurement]:
    """Compare the logprobs of the prompt and of the first token's best candidates."""
    sides = _scenario_tensors(scenario, reference, candidate)
    if sides is None:
        return
    expected, found = sides
    judge = Judge(Stage.LOGITS, scenario.name)
    for index, wanted, answer in _answered(scenario, reference, candidate):
        name = f"{index}/prompt"
        subject = f"prompt {index}"
        absent = [side for side, has in (("HF", expected), ("vLLM", found)) if name not in has]
        if absent:
            reason = f"{' and '.join(absent)} gives no logprobs of the prompt"
            yield judge.not_compared(subject, reason)
        else:
            pair = _comparable(expected[name], found[name], wanted["prompt"], facts)
            yield judge.arrays(subject, *pair, bounds.logprobs)
        figure = _step_difference(expected[f"{index}/steps"][0], answer["steps"][0])
        yield judge.within(f"first token {index}", figure, bounds.logprobs)


def _comparable(
    expected: Array, found: Array, prompt: list[int], facts: ModelFacts
) -> tuple[Array, Array]:
    """Even out placeholders whose logprob is no number on one side.

    A model may forbid its own placeholders, or have no output for them.
    """
    import numpy as np

    if expected.shape != found.shape:
        return expected, found
    ids = [modality.token_id for modality in facts.modalities if modality.token_id is not None]
    placeholders: np.ndarray[Any, np.dtype[Any]] = np.isin(np.asarray(prompt[1:]), ids)
    same = placeholders & ~(np.isfinite(expected) & np.isfinite(found))
    return np.where(same, 0.0, expected), np.where(same, 0.0, found)


def judge_generation(
    scenario: Scenario, reference: StageFiles, candidate: StageFiles, bounds: Bounds
) -> Iterator[Measurement]:
    """Compare the greedy tokens, and the logprobs of every step."""
    sides = _scenario_tensors(scenario, reference, candidate)
    if sides is None:
        return
    judge = Judge(Stage.GENERATION, scenario.name)
    for index, wanted, answer in _answered(scenario, reference, candidate):
        steps = sides[0][f"{index}/steps"]
        yield _greedy_tokens(judge, index, wanted["tokens"], answer["tokens"], steps, bounds)
        agreed = _agreed_steps(wanted["tokens"], answer["tokens"])
        figures = [_step_difference(steps[step], answer["steps"][step]) for step in range(agreed)]
        yield judge.within(f"logprobs {index}", largest(figures), bounds.logprobs)


def _greedy_tokens(
    judge: Judge, index: int, wanted: list[int], answer: list[int], steps: Any, bounds: Bounds
) -> Measurement:
    """Tokens must be equal up to a step where HF itself has no clear favourite."""
    subject, parted = f"greedy tokens {index}", _first_other(wanted, answer)
    if parted is None or answer[parted] >= len(steps[parted]):
        return judge.sequences(subject, wanted, answer)
    gap = float(steps[parted][wanted[parted]] - steps[parted][answer[parted]])
    if 0 <= gap <= bounds.logprobs:
        return judge.exact(subject, [], note=f"HF's own choice at {parted} is by {gap:.1e} alone")
    return judge.sequences(subject, wanted, answer)


def _first_other(wanted: list[int], answer: list[int]) -> int | None:
    pairs = enumerate(zip(wanted, answer, strict=False))
    return next((step for step, (a, b) in pairs if a != b), None)


def _agreed_steps(wanted: list[int], answer: list[int]) -> int:
    """Steps whose logprobs can be compared: up to the first other token, inclusive."""
    parted = _first_other(wanted, answer)
    return min(len(wanted), len(answer)) if parted is None else parted + 1


def _step_difference(expected: Any, candidates: dict[str, float]) -> float:
    """Largest logprob difference over the candidates that the engine named.

    An engine pads a vocabulary; a candidate that HF does not have is no match.
    """
    return largest(
        [
            abs(float(expected[int(token)]) - value) if int(token) < len(expected) else float("inf")
            for token, value in candidates.items()
        ]
    )


def _feature_rows(tensors: Tensors) -> list[Array]:
    """Give the features in the order of the calls: `features/REQUEST/CALL` or `features/CALL`."""
    names = [name for name in tensors if name.startswith("features/")]
    names.sort(key=lambda name: [int(part) for part in name.split("/")[1:]])
    return [tensors[name] for name in names]


def _ran_items(scenario: Scenario, reference: StageFiles) -> bool:
    """Tell whether HF answered a request with an item in it."""
    answers = _requests(scenario, reference)
    pairs = zip(scenario.requests, answers, strict=True)
    return any(request.items and answer is not None for request, answer in pairs)


def _scenario_tensors(
    scenario: Scenario, reference: StageFiles, candidate: StageFiles
) -> tuple[Tensors, Tensors] | None:
    stage = scenario_stage(scenario.name)
    if reference.document(stage) is None or candidate.document(stage) is None:
        return None
    return reference.tensors(stage), candidate.tensors(stage)


def _answered(
    scenario: Scenario, reference: StageFiles, candidate: StageFiles
) -> Iterator[tuple[int, dict[str, Any], dict[str, Any]]]:
    """Pair the answers of the requests that HF could answer."""
    pairs = zip(_requests(scenario, reference), _requests(scenario, candidate), strict=True)
    for index, (wanted, answer) in enumerate(pairs):
        if wanted is not None and answer is not None:
            yield index, wanted, answer


def _requests(scenario: Scenario, side: StageFiles) -> list[dict[str, Any] | None]:
    document = side.document(scenario_stage(scenario.name))
    requests: list[dict[str, Any] | None] = document["requests"] if document else []
    return requests
