"""Values that the tests of the board share."""

from __future__ import annotations

from mmport.model.evidence import (
    EVIDENCE_SCHEMA,
    Environment,
    Evidence,
    Implementation,
    Measurement,
    Outcome,
    Stage,
    StageResult,
)
from mmport.model.scoreboard import BoardModel

MODEL = BoardModel(
    name="tiny-older",
    model_type="tiny",
    variant="older",
    architecture="TinyForConditionalGeneration",
    parameters=1234567,
    seconds=3.5,
    bytes=2_500_000,
    honesty={"distinct_tokens": 9},
    reference_seconds=1.5,
)


def measurement(
    stage: Stage,
    outcome: Outcome = Outcome.FAILED,
    subject: str = "prompt",
    figure: float | None = 0.5,
    detail: str = "",
) -> Measurement:
    bound = None if figure is None else 1e-3
    return Measurement(stage, "image", subject, outcome, figure, bound, detail)


def evidence(
    *failed: Measurement,
    column: Implementation = "in-tree",
    not_run: tuple[Stage, ...] = (),
    required: tuple[Stage, ...] = tuple(Stage),
) -> Evidence:
    """Evidence in which all stages passed but those named."""
    stages = []
    for stage in Stage:
        mine = tuple(item for item in failed if item.stage is stage)
        outcome = Outcome.FAILED if mine else Outcome.PASSED
        if stage in not_run:
            outcome = Outcome.NOT_RUN
        stages.append(
            StageResult(stage, outcome, mine, reason="because" if stage in not_run else "")
        )
    whole = Outcome.FAILED if failed else Outcome.PASSED
    if not failed and set(not_run) & set(required):
        whole = Outcome.NOT_RUN
    return Evidence(
        schema=EVIDENCE_SCHEMA,
        implementation=column,
        model="tiny",
        revision=None,
        tiny=True,
        files=(),
        environment=Environment("0", "3", "1", "2", "5", "cpu", "float32"),
        stages=tuple(stages),
        outcome=whole,
        first_failure="",
        required=required,
    )
