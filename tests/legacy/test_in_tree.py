"""vLLM's own LLaVA of each old release answers as today's transformers does."""

from __future__ import annotations

import pytest

from mmport.model.evidence import Outcome, Stage
from tests.legacy.conftest import (
    FAST,
    RELEASES,
    OldCheckpoint,
    Prove,
    failures,
    measured,
    not_compared,
    on,
)

pytestmark = pytest.mark.engine

NEWER = "the class has a processor of the API that came after, and no mapper"


@pytest.mark.parametrize("release", [on(one) for one in RELEASES if one != "0.8.4"])
def test_it_is_equal_in_every_stage(
    old_checkpoint: OldCheckpoint, prove: Prove, release: str
) -> None:
    evidence = prove(old_checkpoint("clip-llama"), release)
    assert evidence.environment.vllm == release
    assert evidence.outcome is Outcome.PASSED, failures(evidence)
    assert {stage.outcome for stage in evidence.stages} == {Outcome.PASSED}
    registry = {subject for _, scenario, subject in measured(evidence) if scenario == "registry"}
    assert {"image mapper", "image batch", "image dummy", "dummy forward"} <= registry


@pytest.mark.parametrize("release", [on("0.8.4")])
def test_a_class_of_the_next_api_is_judged_by_what_it_answers(
    old_checkpoint: OldCheckpoint, prove: Prove, release: str
) -> None:
    evidence = prove(old_checkpoint("clip-llama"), release)
    outcomes = {stage.stage: stage.outcome for stage in evidence.stages}
    assert outcomes.pop(Stage.BUDGET) is Outcome.NOT_RUN
    assert set(outcomes.values()) == {Outcome.PASSED}, failures(evidence)
    assert NEWER in not_compared(evidence)


@pytest.mark.parametrize("release", [on(FAST)])
def test_both_sides_may_run_in_the_old_environment(
    old_checkpoint: OldCheckpoint, prove: Prove, release: str
) -> None:
    evidence = prove(old_checkpoint("clip-llama"), release, old_hf=True)
    assert evidence.environment.transformers == "4.45.2"
    assert evidence.outcome is Outcome.PASSED, failures(evidence)
