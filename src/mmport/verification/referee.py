"""Puts the judges' measurements together: stages, outcome, first failure."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from mmport.engines.supervise import WorkerError
from mmport.model.evidence import (
    Divergence,
    Measurement,
    ModuleFigure,
    Outcome,
    Stage,
    StageResult,
)
from mmport.model.facts import ModelFacts
from mmport.verification.bounds import Bounds
from mmport.verification.budget import judge_budget
from mmport.verification.cases import Scenario
from mmport.verification.features import judge_encoder
from mmport.verification.judging import Judge
from mmport.verification.modules import head_divergence, judge_modules
from mmport.verification.noise import judge_spread
from mmport.verification.outputs import (
    judge_generation,
    judge_left_out,
    judge_logits,
    judge_reuse,
)
from mmport.verification.processing import judge_processor, judge_prompts
from mmport.verification.stage_files import StageFiles
from mmport.verification.weights import judge_weights

ENGINE = "engine"
"""The subject of the measurement that an exception becomes."""
_SHOWN = 240
"""Characters of a detail that a line shows; the evidence keeps all of them."""

# What an engine was doing when it raised says which stage is to blame. A phase
# that is not here has nothing of the implementation in it (`importing`).
_STAGE_OF_PHASE = {
    "registering": Stage.WEIGHTS,
    "configuring": Stage.WEIGHTS,
    "processing": Stage.PROCESSOR,
    "constructing": Stage.WEIGHTS,
    "loading": Stage.WEIGHTS,
    "starting": Stage.ENCODER,
    "running": Stage.ENCODER,
}


@dataclass(frozen=True, slots=True)
class Judgement:
    """All that the referee found: stages, every aligned module, where the sides part."""

    stages: tuple[StageResult, ...]
    modules: tuple[ModuleFigure, ...]
    divergence: Divergence | None


def judge(
    reference: StageFiles,
    candidate: StageFiles,
    scenarios: tuple[Scenario, ...],
    facts: ModelFacts,
    bounds: Bounds,
    error: WorkerError | None,
    others: Iterable[Measurement] = (),
) -> Judgement:
    """Judge every stage in the order of the data's flow.

    Args:
        reference: what the HF worker wrote.
        candidate: what the engine's worker wrote, perhaps not to the end.
        scenarios: those that both were asked for.
        facts: what is known of the model, the weights' places among it perhaps.
        bounds: what still counts as the same.
        error: the exception that ended the engine's worker, if one did.
        others: what another engine was measured by.
    """
    measurements = [
        *_weights(reference, candidate, facts),
        *judge_processor(reference, candidate, facts, bounds),
    ]
    modules = judge_modules(reference, candidate, scenarios, bounds)
    measurements += modules.measurements
    for scenario in scenarios:
        measurements += judge_prompts(scenario, reference, candidate)
        measurements += judge_encoder(scenario, reference, candidate, facts, bounds)
        measurements += judge_left_out(scenario, reference, candidate)
        measurements += judge_logits(scenario, reference, candidate, facts, bounds)
        measurements += judge_spread(scenario, reference, candidate, bounds)
        measurements += judge_generation(scenario, reference, candidate, bounds)
        measurements += judge_reuse(scenario, reference, candidate, facts)
    measurements += judge_budget(candidate)
    measurements += others
    if error is not None:
        measurements.append(_raised(error))
    stages = tuple(_stage_result(stage, measurements, facts, error) for stage in Stage)
    parted = modules.divergence or head_divergence(
        modules, _first_unequal_logprobs(measurements, scenarios), reference, candidate
    )
    return Judgement(stages, modules.figures, parted)


def _first_unequal_logprobs(
    measurements: Iterable[Measurement], scenarios: tuple[Scenario, ...]
) -> Measurement | None:
    recorded = {scenario.name for scenario in scenarios if scenario.record}
    for one in measurements:
        if one.stage is Stage.LOGITS and one.outcome is Outcome.FAILED and one.scenario in recorded:
            return one
    return None


def required_stages(facts: ModelFacts) -> tuple[Stage, ...]:
    """Stages without which nothing is proven.

    Where the parts of a model are not known, its weights cannot be traced, and
    its features may have another form on each side; the logits then decide.
    """
    if facts.knows_parts:
        return tuple(Stage)
    return (Stage.PROCESSOR, Stage.LOGITS, Stage.GENERATION)


def outcome(stages: Iterable[StageResult], required: Collection[Stage]) -> Outcome:
    """Passed only if every required stage ran and passed, and none failed."""
    outcomes = {stage.stage: stage.outcome for stage in stages}
    if Outcome.FAILED in outcomes.values():
        return Outcome.FAILED
    complete = all(outcomes.get(stage) is Outcome.PASSED for stage in required)
    return Outcome.PASSED if complete else Outcome.NOT_RUN


def is_about_the_subject(error: WorkerError) -> bool:
    """Tell whether the implementation had a part in what failed."""
    return error.phase.partition(" ")[0] in _STAGE_OF_PHASE


def first_failure(stages: Iterable[StageResult]) -> Measurement | None:
    """The first measurement that failed, in the order of the data's flow."""
    return next(
        (
            measurement
            for stage in stages
            for measurement in stage.measurements
            if measurement.outcome is Outcome.FAILED
        ),
        None,
    )


def describe(measurement: Measurement) -> str:
    """One line about a measurement: where, what, and by how much."""
    detail = measurement.detail
    if len(detail) > _SHOWN:
        detail = f"{detail[:_SHOWN]}…"
    place = f"{measurement.stage} / {measurement.scenario} / {measurement.subject}"
    figures = ""
    if measurement.figure is not None and measurement.bound is not None:
        figures = f": {measurement.figure:.3g}, bound {measurement.bound:.0e}"
        if measurement.floor:
            figures += f", {measurement.figure / measurement.floor:.2g} times the floor"
    return f"{place}{figures}" + (f": {detail}" if detail else "")


def _weights(
    reference: StageFiles, candidate: StageFiles, facts: ModelFacts
) -> tuple[Measurement, ...]:
    hf, trace = reference.document("weights"), candidate.document("weights")
    if not hf or not trace:
        return ()
    if "untraced" in trace:
        reason = f"the load could not be traced: {trace['untraced']}"
        return (Judge(Stage.WEIGHTS, "load").not_compared("checkpoint elements", reason),)
    return judge_weights(trace, hf, facts.encoder.rpartition(".")[2])


def _raised(error: WorkerError) -> Measurement:
    phase, _, scenario = error.phase.partition(" ")
    stage = _STAGE_OF_PHASE[phase]
    detail = f"{error.type}: {error.message}"
    return Judge(stage, scenario or phase).exact(ENGINE, [detail])


def _stage_result(
    stage: Stage, measurements: list[Measurement], facts: ModelFacts, error: WorkerError | None
) -> StageResult:
    mine = tuple(item for item in measurements if item.stage is stage)
    outcomes = {item.outcome for item in mine}
    if Outcome.FAILED in outcomes:
        return StageResult(stage, Outcome.FAILED, mine)
    if Outcome.PASSED in outcomes:
        return StageResult(stage, Outcome.PASSED, mine)
    return StageResult(stage, Outcome.NOT_RUN, mine, _why_not(stage, mine, facts, error))


def _why_not(
    stage: Stage, mine: tuple[Measurement, ...], facts: ModelFacts, error: WorkerError | None
) -> str:
    if mine:
        return f"not comparable: {mine[0].detail}"
    return f"the engine stopped before, {error.phase}" if error else "not asked for"
