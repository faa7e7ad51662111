from __future__ import annotations

import json
from pathlib import Path

import pytest

from mmport.core.errors import NotPortable, WorkerHung
from mmport.model.evidence import Stage
from mmport.model.scoreboard import CellStatus
from mmport.scoreboard import cells
from mmport.verification.referee import ENGINE
from mmport.vllm_api.catalog import load
from tests.unit.scoreboard.boards import evidence, measurement

CATALOG = load("0.32.0")


def write_error(out: Path) -> None:
    frame = '  File "/e/site-packages/vllm/a.py", line 7, in f\n    raise ValueError\n'
    error = {
        "phase": "running image",
        "type": "builtins.ValueError",
        "message": f"bad {out}/model",
        "traceback": frame,
    }
    (out / "error.json").write_text(json.dumps(error))


def test_all_equal_is_a_pass(tmp_path: Path) -> None:
    cell = cells.measured(evidence(column="transformers"), tmp_path, 2.5, {})
    assert (cell.column, cell.status, cell.seconds) == ("transformers", CellStatus.PASS, 2.5)
    assert cell.proven == tuple(Stage)


def test_a_difference_is_told_with_its_figure(tmp_path: Path) -> None:
    found = evidence(measurement(Stage.LOGITS, detail="at [3]"), measurement(Stage.GENERATION))
    cell = cells.measured(found, tmp_path, 1.0, {})
    assert cell.status is CellStatus.WRONG
    assert cell.difference is not None
    assert (cell.difference.stage, cell.difference.figure) == (Stage.LOGITS, 0.5)
    assert (cell.difference.bound, cell.difference.detail) == (1e-3, "at [3]")
    assert cell.proven == (*tuple(Stage)[:5], Stage.BUDGET)


def test_a_stopped_engine_fails_and_names_the_line(tmp_path: Path) -> None:
    write_error(tmp_path)
    stopped = measurement(Stage.ENCODER, subject=ENGINE, figure=None)
    cell = cells.measured(evidence(stopped), tmp_path, 1.0, {tmp_path: "STATE"})
    assert cell.status is CellStatus.FAILS
    assert cell.difference is None
    assert cell.failure is not None
    assert (cell.failure.phase, cell.failure.message) == ("running image", "bad STATE/model")
    assert cell.failure.line is not None
    assert cell.failure.line.place == "vllm/a.py:7"


def test_a_difference_before_the_stop_is_kept(tmp_path: Path) -> None:
    write_error(tmp_path)
    found = evidence(
        measurement(Stage.PROCESSOR), measurement(Stage.ENCODER, subject=ENGINE, figure=None)
    )
    cell = cells.measured(found, tmp_path, 1.0, {})
    assert cell.status is CellStatus.FAILS
    assert cell.difference is not None
    assert cell.difference.stage is Stage.PROCESSOR


def test_what_was_not_shown_is_no_pass(tmp_path: Path) -> None:
    cell = cells.measured(evidence(not_run=(Stage.LOGITS,)), tmp_path, 1.0, {})
    assert cell.status is CellStatus.FAILS
    assert cell.failure is not None
    assert (cell.failure.type, cell.failure.message) == ("NotProven", "logits: because")


def test_a_stage_that_is_not_required_may_be_left_out(tmp_path: Path) -> None:
    found = evidence(not_run=(Stage.WEIGHTS,), required=(Stage.LOGITS,))
    assert cells.measured(found, tmp_path, 1.0, {}).status is CellStatus.PASS


def test_a_death_is_a_failure() -> None:
    cell = cells.died("in-tree", WorkerHung("it hung", "wait"), 9.0, {}, "comparing")
    assert cell.status is CellStatus.FAILS
    assert cell.failure is not None
    assert (cell.failure.type, cell.failure.message) == ("WorkerHung", "it hung")


def test_an_unforeseen_error_is_a_failure_too() -> None:
    cell = cells.died("port", KeyError("vision"), 9.0, {}, "scaffolding")
    assert cell.failure is not None
    assert (cell.failure.phase, cell.failure.type) == ("scaffolding", "KeyError")


def test_a_refusal_is_in_mmports_own_words() -> None:
    cell = cells.refused(NotPortable("no such family", "wait"), 0.1, {})
    assert (cell.column, cell.status) == ("port", CellStatus.REFUSED)
    assert cell.reason == "no such family"


@pytest.mark.parametrize(
    ("architecture", "reason"),
    [
        ("FastVlmForConditionalGeneration", "vLLM has no FastVlmForConditionalGeneration"),
        (
            "MllamaForConditionalGeneration",
            "vLLM took MllamaForConditionalGeneration out after 0.10.2",
        ),
        ("Emu3ForConditionalGeneration", "vLLM routes Emu3ForConditionalGeneration to its"),
    ],
)
def test_an_architecture_without_a_class(architecture: str, reason: str) -> None:
    cell = cells.without_class(architecture, CATALOG)
    assert cell is not None
    assert cell.status is CellStatus.NONE
    assert cell.reason.startswith(reason)


def test_an_architecture_with_a_class_is_measured() -> None:
    assert cells.without_class("LlavaForConditionalGeneration", CATALOG) is None
