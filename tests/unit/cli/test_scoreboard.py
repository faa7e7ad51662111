from __future__ import annotations

import json
from pathlib import Path

import pytest

from mmport.model.scoreboard import (
    SCOREBOARD_SCHEMA,
    BoardRow,
    BoardVersions,
    Cell,
    CellStatus,
    Scoreboard,
)
from mmport.workflows import scoreboard
from mmport.workflows.scoreboard import BoardOptions
from tests.unit.cli.program import Run, runner
from tests.unit.scoreboard.boards import MODEL

BOARD = Scoreboard(
    SCOREBOARD_SCHEMA,
    BoardVersions("0.1", "0.32.0", "2.13.0", "5.19.0", "3.11.7"),
    ("in-tree",),
    (BoardRow(MODEL, (Cell("in-tree", CellStatus.WRONG),)),),
    (),
)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.delenv("MMPORT_VLLM_PYTHON", raising=False)
    return runner(monkeypatch, capsys)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[BoardOptions]:
    """What the workflow was asked for; it gives `BOARD`."""
    options: list[BoardOptions] = []

    def make_board(given: BoardOptions, sink: object) -> Scoreboard:
        options.append(given)
        return BOARD

    monkeypatch.setattr(scoreboard, "make_board", make_board)
    return options


def test_red_cells_are_a_board_and_no_finding(run: Run, asked: list[BoardOptions]) -> None:
    done = run("scoreboard")
    assert done.code == 0
    assert "tiny-older" in done.out
    assert asked[0].only == ()
    assert asked[0].columns == ("port", "in-tree", "transformers")


def test_options_reach_the_workflow(run: Run, asked: list[BoardOptions], tmp_path: Path) -> None:
    arguments = "--only qwen* --only git --column transformers --column port --jobs 3 --fresh"
    done = run("scoreboard", *arguments.split(), "--timeout", "60", "--state", tmp_path)
    assert done.code == 0
    assert asked[0].only == ("qwen*", "git")
    assert asked[0].columns == ("port", "transformers")
    assert (asked[0].jobs, asked[0].timeout, asked[0].fresh) == (3, 60.0, True)
    assert asked[0].state == tmp_path


def test_the_document(run: Run, asked: list[BoardOptions], tmp_path: Path) -> None:
    page = tmp_path / "board.md"
    done = run("scoreboard", "--format", "json", "-o", page)
    document = json.loads(done.out)
    assert document["schema"] == "mmport.scoreboard/1"
    assert json.loads((tmp_path / "board.json").read_text()) == document
    assert page.read_text().startswith("# Scoreboard")


def test_a_page_has_a_pages_name(run: Run, asked: list[BoardOptions], tmp_path: Path) -> None:
    done = run("scoreboard", "-o", tmp_path / "board.json")
    assert done.code == 2
    assert "ends in .md" in done.err
    assert asked == []


def test_an_unknown_model_is_a_mistake(run: Run) -> None:
    done = run("scoreboard", "--only", "gpt9")
    assert done.code == 2
    assert "gpt9" in done.err


def test_without_an_engine_there_is_no_board(run: Run) -> None:
    done = run("scoreboard", "--only", "clip-llama")
    assert done.code == 3
    assert "vLLM" in done.err
