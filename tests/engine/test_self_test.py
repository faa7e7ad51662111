"""The verifier notices the faults that are put into a right port, on the real engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmport.core.jsonable import from_json
from mmport.core.output import Sink
from mmport.model.evidence import Outcome
from mmport.model.self_test import SelfTest, Verdict
from mmport.verification.self_test_pages import conclusion
from mmport.workflows.self_test import JSON_NAME, MARKDOWN_NAME, self_test
from mmport.workflows.verify import VerifyOptions
from tests.engine.conftest import Checkpoint, Port

pytestmark = pytest.mark.engine

WITHOUT_EFFECT = "axes of positions exchanged"
"""A model whose positions have one axis has nothing to exchange."""
KINDS = (
    "bias zeroed",
    "activation relu for another",
    "norm skipped",
    "layer skipped",
    "features shifted by one",
    "merge shifted by one",
    "logits off by 1%",
    "checkpoint tensor not loaded",
    "one placeholder more",
    "normalised by another mean",
    "prefix cache ignores items",
    "declared maximum one too small",
    "one element of an output is no number",
    WITHOUT_EFFECT,
)
"""One of each group at least."""


@pytest.mark.full(reason="a fault after the other for minutes; seeded bugs are in each run")
def test_faults_of_every_group_are_noticed_in_the_right_place(
    checkpoint: Checkpoint, port_of: Port, engine_python: Path, tmp_path: Path
) -> None:
    model = checkpoint("clip-llama")
    options = VerifyOptions(
        implementations=("port",),
        port=port_of(model),
        vllm_python=engine_python,
        report=tmp_path / "report",
    )
    result = self_test(str(model), options, Sink(), limit=2 * len(KINDS), kinds=KINDS)
    assert result.unmutated is Outcome.PASSED, result.unmutated_failure
    assert result.repeatable
    assert result.restored
    caught = {one.kind for one in result.mutants if one.verdict is Verdict.CAUGHT}
    assert caught == {*KINDS} - {WITHOUT_EFFECT}
    by_kind = {one.kind: one.verdict for one in result.mutants}
    assert by_kind[WITHOUT_EFFECT] is Verdict.WITHOUT_EFFECT
    assert result.passed, conclusion(result)
    misplaced = [one for one in result.mutants if one.right_stage is False]
    assert misplaced == []
    named = [one.right_place for one in result.mutants if one.right_place is not None]
    assert named.count(True) > len(KINDS)
    assert from_json((tmp_path / "report" / JSON_NAME).read_bytes(), SelfTest) == result
    assert conclusion(result) in (tmp_path / "report" / MARKDOWN_NAME).read_text()
