"""Judges what comes out of the model: logits, generation, and what an engine reused."""

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

TOKENS = "greedy tokens"
"""Before the number of the request whose tokens were compared."""


def judge_left_out(
    scenario: Scenario, reference: StageFiles, candidate: StageFiles
) -> Iterator[Measurement]:
    """Note the requests that HF itself could not answer, and those that vLLM will not take."""
    judge = Judge(Stage.LOGITS, scenario.name)
    for side, files in (("HF itself", reference), (CANDIDATE, candidate)):
        document = files.document(scenario_stage(scenario.name))
        for index, reason in (document or {}).get("left_out", {}).items():
            yield judge.not_compared(f"request {index}", f"{side}: {reason}")


def judge_logits(
    scenario: Scenario,
    reference: StageFiles,
    candidate: StageFiles,
    facts: ModelFacts,
    bounds: Bounds,
) -> Iterator[Measurement]:
    """Compare logprobs: of the prompt, and of every step of HF's own answer.

    Where the engine said other tokens than HF, it was asked again and made to
    say HF's; where it could not be made to, its steps count up to the first
    other token.
    """
    sides = scenario_tensors(scenario, reference, candidate)
    if sides is None:
        return
    expected, found = sides
    judge = Judge(Stage.LOGITS, scenario.name)
    for index, wanted, answer in _answered(scenario, reference, candidate):
        if scenario.sent != "cached":  # from the cache no logprobs come
            yield _prompt_logprobs(judge, index, expected, found, wanted["prompt"], facts, bounds)
        steps = answer.get("forced")
        if steps is None:
            steps = answer["steps"][: _agreed_steps(wanted["tokens"], answer["tokens"])]
        pairs = zip(expected[f"{index}/steps"], steps, strict=False)
        figures = [_step_difference(hf, engine) for hf, engine in pairs]
        detail = f"at step {_worst(figures)} of {len(figures)}"
        yield judge.within(f"answer {index}", largest(figures), bounds.logprobs, detail)


def _prompt_logprobs(
    judge: Judge,
    index: int,
    expected: Tensors,
    found: Tensors,
    prompt: list[int],
    facts: ModelFacts,
    bounds: Bounds,
) -> Measurement:
    name, subject = f"{index}/prompt", f"prompt {index}"
    absent = [side for side, has in (("HF", expected), ("vLLM", found)) if name not in has]
    if absent:
        reason = f"{' and '.join(absent)} gives no logprobs of the prompt"
        return judge.not_compared(subject, reason)
    pair = _comparable(expected[name], found[name], prompt, facts)
    return judge.arrays(subject, *pair, bounds.logprobs)


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
    """Compare the greedy tokens."""
    sides = scenario_tensors(scenario, reference, candidate)
    if sides is None:
        return
    judge = Judge(Stage.GENERATION, scenario.name)
    for index, wanted, answer in _answered(scenario, reference, candidate):
        steps = sides[0][f"{index}/steps"]
        yield _greedy_tokens(judge, index, wanted["tokens"], answer["tokens"], steps, bounds)


def _greedy_tokens(
    judge: Judge, index: int, wanted: list[int], answer: list[int], steps: Any, bounds: Bounds
) -> Measurement:
    """Tokens must be equal up to a step where HF itself has no clear favourite."""
    subject, parted = f"{TOKENS} {index}", _first_other(wanted, answer)
    if parted is None or answer[parted] >= len(steps[parted]):
        return judge.sequences(subject, wanted, answer)
    gap = float(steps[parted][wanted[parted]] - steps[parted][answer[parted]])
    if 0 <= gap <= bounds.logprobs:
        return judge.exact(subject, [], note=f"HF's own choice at {parted} is by {gap:.1e} alone")
    return judge.sequences(subject, wanted, answer)


def judge_reuse(
    scenario: Scenario, reference: StageFiles, candidate: StageFiles, facts: ModelFacts
) -> Iterator[Measurement]:
    """See that an engine took the same prompt from its cache, and never another item's.

    Also that a prompt that was to be computed in pieces was.
    """
    document = candidate.document(scenario_stage(scenario.name))
    if document is None:
        return
    judge = Judge(Stage.GENERATION, scenario.name)
    answered = list(_answered(scenario, reference, candidate))
    for index, wanted, answer in answered:
        if scenario.sent == "cut":
            yield _pieces(judge, index, answer["pieces"])
        elif scenario.sent == "cached":
            before = {scenario.requests[other] for other, _, _ in answered if other < index}
            if scenario.requests[index] in before:
                yield _same_again(judge, index, answer["cached"], document["control"])
            elif before:
                yield _other_item(judge, index, answer["cached"], wanted["prompt"], facts)


def _pieces(judge: Judge, index: int, pieces: list[int]) -> Measurement:
    subject = f"pieces {index}"
    if len(pieces) < 2:
        return judge.not_compared(subject, f"vLLM computed the prompt at once: {pieces}")
    return judge.exact(subject, [], note=f"tokens in each step: {pieces}")


def _same_again(judge: Judge, index: int, cached: int, control: int) -> Measurement:
    """Where words alone are found in the cache, the same item must be, too."""
    subject = f"cache hit {index}"
    if not control:
        return judge.not_compared(subject, "vLLM caches no prefix of this model, items or not")
    problem = f"nothing of the same prompt was in the cache; of words, {control} tokens were"
    return judge.exact(subject, [] if cached else [problem], note=f"{cached} tokens")


def _other_item(
    judge: Judge, index: int, cached: int, prompt: list[int], facts: ModelFacts
) -> Measurement:
    """Of a prompt with another item, only what stands before the item may be reused."""
    ids = [modality.token_id for modality in facts.modalities]
    first = next((place for place, token in enumerate(prompt) if token in ids), len(prompt))
    problem = f"{cached} tokens were taken from the cache, and another item begins at {first}"
    return judge.exact(f"cache miss {index}", [problem] if cached > first else [])


def _first_other(wanted: list[int], answer: list[int]) -> int | None:
    pairs = enumerate(zip(wanted, answer, strict=False))
    return next((step for step, (a, b) in pairs if a != b), None)


def _agreed_steps(wanted: list[int], answer: list[int]) -> int:
    """Steps whose logprobs can be compared: up to the first other token, inclusive."""
    parted = _first_other(wanted, answer)
    return min(len(wanted), len(answer)) if parted is None else parted + 1


def _worst(figures: list[float]) -> int:
    """The first step that is not finite, or else the one that is furthest off."""
    strange = [step for step, figure in enumerate(figures) if not figure < float("inf")]
    return strange[0] if strange else max(range(len(figures)), key=figures.__getitem__, default=0)


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


def scenario_tensors(
    scenario: Scenario, reference: StageFiles, candidate: StageFiles
) -> tuple[Tensors, Tensors] | None:
    """Both sides' tensors of a scenario, or None where one did not come so far."""
    stage = scenario_stage(scenario.name)
    if reference.document(stage) is None or candidate.document(stage) is None:
        return None
    return reference.tensors(stage), candidate.tensors(stage)


def answers(scenario: Scenario, side: StageFiles) -> list[dict[str, Any] | None]:
    """One side's answers to a scenario's requests; None for one that has none."""
    document = side.document(scenario_stage(scenario.name))
    requests: list[dict[str, Any] | None] = document["requests"] if document else []
    return requests


def _answered(
    scenario: Scenario, reference: StageFiles, candidate: StageFiles
) -> Iterator[tuple[int, dict[str, Any], dict[str, Any]]]:
    """Pair the answers of the requests that HF could answer."""
    pairs = zip(answers(scenario, reference), answers(scenario, candidate), strict=True)
    for index, (wanted, answer) in enumerate(pairs):
        if wanted is not None and answer is not None:
            yield index, wanted, answer
