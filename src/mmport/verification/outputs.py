"""Judges what flows through the model: processor, encoder, logits, generation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mmport.model.evidence import Measurement, Stage
from mmport.verification.bounds import Bounds
from mmport.verification.cases import Scenario
from mmport.verification.judging import Judge, largest
from mmport.verification.stage_files import StageFiles, scenario_stage

if TYPE_CHECKING:
    from mmport.verification.stage_files import Tensors


def judge_processor(
    reference: StageFiles, candidate: StageFiles, bounds: Bounds
) -> Iterator[Measurement]:
    """Compare token ids, placeholder spans and pixel values of every case."""
    expected, found = reference.document("processor"), candidate.document("processor")
    if expected is None or found is None:
        return
    pixels, found_pixels = reference.tensors("processor"), candidate.tensors("processor")
    for case, wanted in expected.items():
        judge = Judge(Stage.PROCESSOR, case)
        yield judge.sequences("placeholder spans", wanted["spans"], found[case]["spans"])
        yield judge.sequences("token ids", wanted["ids"], found[case]["ids"])
        yield judge.arrays("pixel values", pixels[case], found_pixels[case], bounds.pixels)


def judge_encoder(
    scenario: Scenario, reference: StageFiles, candidate: StageFiles, bounds: Bounds
) -> Iterator[Measurement]:
    """Compare the features after the tower and after the connector, as rows."""
    sides = _scenario_tensors(scenario, reference, candidate)
    if sides is None or scenario.embeds:
        return
    expected, found = sides
    judge = Judge(Stage.ENCODER, scenario.name)
    for subject, name in (("tower", "connector/input"), ("connector", "connector/output")):
        absent = [side for side, has in (("HF", expected), ("vLLM", found)) if name not in has]
        if absent and any(request.images for request in scenario.requests):
            yield judge.exact(subject, [f"the connector did not run in {' and '.join(absent)}"])
        if absent:
            continue
        yield judge.arrays(subject, expected[name], found[name], bounds.features, relative=True)


def judge_logits(
    scenario: Scenario, reference: StageFiles, candidate: StageFiles, bounds: Bounds
) -> Iterator[Measurement]:
    """Compare the logprobs of the prompt and of the first token's best candidates."""
    sides = _scenario_tensors(scenario, reference, candidate)
    if sides is None:
        return
    expected, found = sides
    judge = Judge(Stage.LOGITS, scenario.name)
    for index, answer in enumerate(_requests(scenario, candidate)):
        yield judge.arrays(
            f"prompt {index}",
            expected[f"{index}/prompt"],
            found[f"{index}/prompt"],
            bounds.logprobs,
        )
        figure = _step_difference(expected[f"{index}/steps"][0], answer["steps"][0])
        yield judge.within(f"first token {index}", figure, bounds.logprobs)


def judge_generation(
    scenario: Scenario, reference: StageFiles, candidate: StageFiles, bounds: Bounds
) -> Iterator[Measurement]:
    """Compare the greedy tokens, and the logprobs of every step."""
    sides = _scenario_tensors(scenario, reference, candidate)
    if sides is None:
        return
    judge = Judge(Stage.GENERATION, scenario.name)
    requests = zip(_requests(scenario, reference), _requests(scenario, candidate), strict=True)
    for index, (wanted, answer) in enumerate(requests):
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
    if parted is None:
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
    """Largest logprob difference over the candidates that the engine named."""
    return largest(
        [abs(float(expected[int(token)]) - value) for token, value in candidates.items()]
    )


def _scenario_tensors(
    scenario: Scenario, reference: StageFiles, candidate: StageFiles
) -> tuple[Tensors, Tensors] | None:
    stage = scenario_stage(scenario.name)
    if reference.document(stage) is None or candidate.document(stage) is None:
        return None
    return reference.tensors(stage), candidate.tensors(stage)


def _requests(scenario: Scenario, side: StageFiles) -> list[dict[str, Any]]:
    document = side.document(scenario_stage(scenario.name))
    requests: list[dict[str, Any]] = document["requests"] if document else []
    return requests
