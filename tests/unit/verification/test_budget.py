from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mmport.model.evidence import Measurement, Outcome, Stage
from mmport.verification.budget import judge_budget
from mmport.verification.stage_files import StageFiles

FAILED, PASSED, NOTED = Outcome.FAILED, Outcome.PASSED, Outcome.NOT_RUN


def entry(**changes: Any) -> dict[str, Any]:
    """What a worker says where all is well: 10 embeddings and 2 separators, 10 declared."""
    taken = {"tokens": 12, "embeddings": 10}
    return {
        "declared": 10,
        "states": True,
        "dummy": {"item": "64x64", **taken},
        "seed": 0,
        "tried": 40,
        "largest": "128x32",
        "taken": taken,
        "several": [taken, taken],
        **changes,
    }


@pytest.fixture
def judged(tmp_path: Path) -> Any:
    def run(said: dict[str, Any], counts: str = "embeddings") -> dict[str, Measurement]:
        document = {"counts": counts, "modalities": {"image": said}}
        (tmp_path / "budget.json").write_text(json.dumps(document))
        found = list(judge_budget(StageFiles(tmp_path)))
        assert {(one.stage, one.scenario) for one in found} == {(Stage.BUDGET, "image")}
        return {one.subject: one for one in found}

    return run


def outcomes(measured: dict[str, Measurement]) -> dict[str, Outcome]:
    return {subject: one.outcome for subject, one in measured.items()}


def test_an_item_of_the_declared_maximum_passes(judged: Any) -> None:
    measured = judged(entry())
    assert outcomes(measured) == {
        "dummy item": PASSED,
        "largest item": PASSED,
        "largest of several": PASSED,
        "separators": NOTED,
    }
    told = "128x32 takes 10 embeddings, the class declares 10; 40 tried, seed 0"
    assert measured["largest item"].detail == told


def test_a_maximum_that_is_one_too_small_fails(judged: Any) -> None:
    measured = judged(entry(declared=9, dummy={"item": "8x8", "tokens": 11, "embeddings": 9}))
    assert outcomes(measured)["largest item"] is FAILED
    assert "128x32 takes 10 embeddings, the class declares 9" in measured["largest item"].detail
    assert outcomes(measured)["largest of several"] is FAILED


def test_a_dummy_of_more_than_is_declared_fails(judged: Any) -> None:
    measured = judged(entry(declared=9))
    assert measured["dummy item"].outcome is FAILED
    assert "takes 10, the class declares 9" in measured["dummy item"].detail


def test_separators_count_where_the_engine_counts_them(judged: Any) -> None:
    measured = judged(entry(), counts="tokens")
    assert outcomes(measured)["largest item"] is FAILED
    assert outcomes(judged(entry(declared=12), counts="tokens"))["largest item"] is PASSED


def test_items_may_grow_in_company(judged: Any) -> None:
    alone, beside = {"tokens": 12, "embeddings": 10}, {"tokens": 13, "embeddings": 11}
    measured = judged(entry(several=[alone, beside]))
    assert outcomes(measured)["largest item"] is PASSED
    assert outcomes(measured)["largest of several"] is FAILED


def test_a_dummy_that_does_not_process_fails(judged: Any) -> None:
    measured = judged({"error": "ValueError: no"})
    assert outcomes(measured) == {"dummy item": FAILED}


def test_where_nothing_is_taken_nothing_is_claimed(judged: Any) -> None:
    said = entry(refused="9x9: ValueError: no")
    del said["taken"], said["largest"], said["several"]
    assert outcomes(judged(said)) == {"dummy item": PASSED, "largest item": NOTED}


def test_an_engine_of_another_kind_is_not_judged(tmp_path: Path) -> None:
    (tmp_path / "budget.json").write_text(json.dumps({"unavailable": "another way"}))
    (note,) = judge_budget(StageFiles(tmp_path))
    assert (note.outcome, note.detail) == (NOTED, "another way")


def test_an_engine_that_stopped_before_is_not_judged(tmp_path: Path) -> None:
    assert not list(judge_budget(StageFiles(tmp_path)))


def test_a_maximum_has_to_be_reached_where_the_class_states_it_alone(judged: Any) -> None:
    taken = {"tokens": 9, "embeddings": 9}
    measured = judged(entry(has_to_reach=True, taken=taken), counts="tokens")
    assert outcomes(measured)["maximum reached"] is FAILED
    assert "takes 9 of 10" in measured["maximum reached"].detail
    full = entry(has_to_reach=True, taken={"tokens": 10, "embeddings": 10})
    assert outcomes(judged(full, counts="tokens"))["maximum reached"] is PASSED


def test_checks_of_a_registry_are_judged_one_by_one(tmp_path: Path) -> None:
    checks = [
        {"subject": "right", "problems": [], "note": "64 tokens"},
        {"subject": "wrong", "problems": ["63, and it is 64"], "note": ""},
        {"subject": "absent", "unavailable": "this release has none"},
    ]
    document = {"counts": "tokens", "modalities": {}, "checks": checks}
    (tmp_path / "budget.json").write_text(json.dumps(document))
    found = {one.subject: one for one in judge_budget(StageFiles(tmp_path))}
    assert outcomes(found) == {"right": PASSED, "wrong": FAILED, "absent": NOTED}
    assert (found["right"].detail, found["wrong"].detail) == ("64 tokens", "63, and it is 64")
    assert {one.scenario for one in found.values()} == {"registry"}
