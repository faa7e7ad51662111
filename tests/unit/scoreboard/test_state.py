from __future__ import annotations

from pathlib import Path

import pytest

from mmport.model.scoreboard import Cell, CellStatus, Failure, NotBuilt
from mmport.scoreboard.state import BY_CARD, BY_SPEC, ModelState, key_of
from tests.unit.scoreboard.boards import MODEL

PASSED = Cell("in-tree", CellStatus.PASS, 12.5)
NOT_BUILT = NotBuilt("tiny", Failure("building", "ValueError", "too small"))


@pytest.fixture
def state(tmp_path: Path) -> ModelState:
    return ModelState(tmp_path / "tiny")


def test_a_cell_is_given_back_for_its_key_alone(state: ModelState) -> None:
    state.keep_cell(PASSED, "key", "software")
    assert state.cell("in-tree", "key") == PASSED
    assert state.cell("in-tree", "other") is None
    assert state.cell("port", "key") is None


@pytest.mark.parametrize(
    "text", ["", "{", '{"key": "key"}', '{"key":"key","made_with":"","value":3}']
)
def test_a_damaged_file_is_measured_again(state: ModelState, text: str) -> None:
    state.keep_cell(PASSED, "key", "software")
    (state.folder / "in-tree.json").write_text(text)
    assert state.cell("in-tree", "key") is None


def test_a_row_has_the_cells_of_the_present_software(state: ModelState) -> None:
    state.keep_model(MODEL)
    state.keep_cell(PASSED, "key", "software")
    state.keep_cell(Cell("port", CellStatus.REFUSED), "key", "older software")
    row = state.row({"port": "software", "in-tree": "software", "transformers": "software"})
    assert row is not None
    assert (row.model, row.cells) == (MODEL, (PASSED,))
    assert state.row({"in-tree": "newer"}) is None


def test_what_could_not_be_built_has_no_row(state: ModelState) -> None:
    state.keep_model(MODEL)
    state.keep_cell(PASSED, "key", "software")
    state.keep_not_built(NOT_BUILT, "builder")
    assert state.row({"in-tree": "software"}) is None
    assert state.not_built("builder") == NOT_BUILT
    assert state.not_built("other builder") is None


def test_once_built_it_is_no_longer_missing(state: ModelState) -> None:
    state.keep_not_built(NOT_BUILT, "builder")
    state.keep_model(MODEL)
    assert state.not_built("builder") is None


def test_a_reference_counts_once_it_is_complete(state: ModelState) -> None:
    assert not state.has_reference(BY_CARD, "key")
    assert state.reference_seconds() == 0.0
    state.keep_reference(BY_CARD, "key", 4.5)
    assert state.has_reference(BY_CARD, "key")
    assert not state.has_reference(BY_CARD, "other")
    assert not state.has_reference(BY_SPEC, "key")
    state.keep_reference(BY_SPEC, "key", 1.5)
    assert state.reference_seconds() == 6.0


def test_forgetting_is_of_some_columns(state: ModelState) -> None:
    state.keep_cell(PASSED, "key", "software")
    state.keep_cell(Cell("port", CellStatus.PASS), "key", "software")
    state.keep_reference(BY_CARD, "key", 1.0)
    state.work(BY_CARD).mkdir()
    state.forget(["port"])
    assert state.cell("port", "key") is None
    assert state.cell("in-tree", "key") == PASSED
    assert not state.has_reference(BY_CARD, "key")
    assert not state.work(BY_CARD).exists()


def test_a_key_is_of_names_and_values() -> None:
    keys = {key_of(a=1, b=2), key_of(a=2, b=1), key_of(a=1), key_of(a="1")}
    assert len(keys) == 4
    assert key_of(a=1, b=2) == key_of(b=2, a=1)
