"""Puts the judges' measurements together: stages, outcome, first failure."""

from __future__ import annotations

from collections.abc import Iterable

from mmport.engines.supervise import WorkerError
from mmport.model.evidence import Measurement, Outcome, Stage, StageResult
from mmport.verification.bounds import Bounds
from mmport.verification.cases import Scenario
from mmport.verification.judging import Judge
from mmport.verification.outputs import (
    judge_encoder,
    judge_generation,
    judge_logits,
    judge_processor,
)
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


def judge(
    reference: StageFiles,
    candidate: StageFiles,
    scenarios: tuple[Scenario, ...],
    encoder: str,
    bounds: Bounds,
    error: WorkerError | None,
) -> tuple[StageResult, ...]:
    """Judge every stage in the order of the data's flow.

    Args:
        reference: what the HF worker wrote.
        candidate: what the engine's worker wrote, perhaps not to the end.
        scenarios: those that both were asked for.
        encoder: name of the encoder's module.
        bounds: what still counts as the same.
        error: the exception that ended the engine's worker, if one did.
    """
    measurements = [
        *_weights(reference, candidate, encoder),
        *judge_processor(reference, candidate, bounds),
    ]
    for scenario in scenarios:
        measurements += judge_encoder(scenario, reference, candidate, bounds)
        measurements += judge_logits(scenario, reference, candidate, bounds)
        measurements += judge_generation(scenario, reference, candidate, bounds)
    if error is not None:
        measurements.append(_raised(error))
    return tuple(_stage_result(stage, measurements, error) for stage in Stage)


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
    return f"{place}{figures}" + (f": {detail}" if detail else "")


def _weights(reference: StageFiles, candidate: StageFiles, encoder: str) -> tuple[Measurement, ...]:
    hf, trace = reference.document("weights"), candidate.document("weights")
    return judge_weights(trace, hf, encoder) if hf and trace else ()


def _raised(error: WorkerError) -> Measurement:
    phase, _, scenario = error.phase.partition(" ")
    stage = _STAGE_OF_PHASE[phase]
    detail = f"{error.type}: {error.message}"
    return Judge(stage, scenario or phase).exact(ENGINE, [detail])


def _stage_result(
    stage: Stage, measurements: list[Measurement], error: WorkerError | None
) -> StageResult:
    mine = tuple(item for item in measurements if item.stage is stage)
    if not mine:
        reason = f"the engine stopped before, {error.phase}" if error else "not asked for"
        return StageResult(stage, Outcome.NOT_RUN, (), reason)
    failed = any(item.outcome is Outcome.FAILED for item in mine)
    return StageResult(stage, Outcome.FAILED if failed else Outcome.PASSED, mine)
