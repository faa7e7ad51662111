from __future__ import annotations

import pytest

from mmport.core.errors import Usage
from mmport.model.evidence import Measurement, Outcome, Stage, StageResult
from mmport.verification.questions import questions
from mmport.verification.selection import WHOLE, Selection
from tests.unit.verification.models import KNOWN, UNKNOWN

ASKED = questions(KNOWN)
STAGES = tuple(Stage)


def results(failed: Stage | None = None) -> tuple[StageResult, ...]:
    def result(stage: Stage) -> StageResult:
        came = Outcome.FAILED if stage is failed else Outcome.PASSED
        return StageResult(stage, came, (Measurement(stage, "text", "x", came),))

    return tuple(result(stage) for stage in Stage)


def test_a_whole_run_asks_everything() -> None:
    assert not WHOLE.is_part
    assert WHOLE.of(ASKED) == ASKED
    assert WHOLE.required(STAGES, ASKED) == STAGES
    assert WHOLE.judged(results()) == results()


def test_scenarios_are_chosen_by_name_in_their_own_order() -> None:
    chosen = Selection(scenarios=("image", "text"))
    assert [one.name for one in chosen.of(ASKED).scenarios] == ["text", "image"]
    assert chosen.is_part


def test_a_scenario_that_the_model_does_not_have_is_refused_with_those_that_it_has() -> None:
    Selection(scenarios=("image",)).check(UNKNOWN)
    with pytest.raises(Usage) as refused:
        Selection(scenarios=("image", "smell")).check(UNKNOWN)
    assert "'smell'" in str(refused.value)
    assert "prefix cache" in refused.value.hint


@pytest.mark.parametrize(
    ("stages", "runs_model", "asks"),
    [
        ((Stage.PROCESSOR,), False, False),
        ((Stage.PROCESSOR, Stage.BUDGET), False, False),
        ((Stage.WEIGHTS,), True, False),
        ((Stage.LOGITS,), True, True),
        ((), True, True),
    ],
)
def test_no_more_is_run_than_the_stages_need(
    stages: tuple[Stage, ...], runs_model: bool, asks: bool
) -> None:
    chosen = Selection(stages)
    asked = chosen.of(ASKED)
    assert chosen.runs_model is runs_model
    assert bool(asked.scenarios) is asks
    assert bool(asked.processor_cases) is (not stages or Stage.PROCESSOR in stages)


def test_the_stages_that_were_asked_for_have_to_pass_and_no_others() -> None:
    chosen = Selection((Stage.LOGITS, Stage.ENCODER))
    usual = (Stage.PROCESSOR, Stage.LOGITS)
    assert chosen.required(usual, ASKED) == (Stage.ENCODER, Stage.LOGITS)


def test_scenarios_that_cannot_prove_a_stage_do_not_have_to() -> None:
    words = Selection(scenarios=("text",))
    required = words.required(STAGES, words.of(ASKED))
    assert set(STAGES) - set(required) == {Stage.ENCODER}
    several = Selection(scenarios=("two images",))
    required = several.required(STAGES, several.of(ASKED))
    assert set(STAGES) - set(required) == {Stage.MERGE, Stage.DECODER}


def test_what_was_seen_in_passing_is_not_claimed() -> None:
    judged = {one.stage: one for one in Selection((Stage.LOGITS,)).judged(results())}
    assert judged[Stage.LOGITS].outcome is Outcome.PASSED
    assert judged[Stage.PROCESSOR].outcome is Outcome.NOT_RUN
    assert judged[Stage.PROCESSOR].reason == "not asked for"
    assert judged[Stage.PROCESSOR].measurements == ()


def test_a_failure_stays_whatever_was_asked() -> None:
    judged = Selection((Stage.LOGITS,)).judged(results(failed=Stage.WEIGHTS))
    assert judged[0].outcome is Outcome.FAILED
