from __future__ import annotations

import io
from dataclasses import replace

from rich.console import Console

from mmport.core.jsonable import from_json, to_json
from mmport.model.evidence import Stage
from mmport.model.scoreboard import (
    COLUMNS,
    SCOREBOARD_SCHEMA,
    BoardRow,
    BoardVersions,
    Cause,
    Cell,
    CellStatus,
    CodeLine,
    Difference,
    Failure,
    NotBuilt,
    Scoreboard,
)
from mmport.scoreboard.page import cell_text, short_text, to_markdown, totals
from mmport.scoreboard.summary import board_page
from tests.unit.scoreboard.boards import MODEL

DIFFERENCE = Difference(Stage.LOGITS, "image", "prompt", 0.4112, 1e-3, "at [3]: 1, expected 2")
FAILURE = Failure(
    "loading",
    "torch.SizeError",
    "a | b `c` <d>",
    CodeLine("vllm/models/glm4v.py:87", "x = `y` | z"),
)
PASS = Cell("port", CellStatus.PASS, 9.0, tuple(Stage))
WRONG = Cell("in-tree", CellStatus.WRONG, 9.0, (Stage.PROCESSOR,), DIFFERENCE)
FAILS = Cell("transformers", CellStatus.FAILS, 9.0, failure=FAILURE)
LIMITED = replace(
    WRONG,
    column="transformers",
    status=CellStatus.CPU_LIMITED,
    cause=Cause("two-way attention", "vllm/backend.py", "return False"),
)
OTHER = replace(MODEL, name="other", model_type="other", bytes=500_000, seconds=6.5)
BOARD = Scoreboard(
    SCOREBOARD_SCHEMA,
    BoardVersions("0.1", "0.32.0", "2.13.0", "5.19.0", "3.11.7"),
    COLUMNS,
    (
        BoardRow(MODEL, (PASS, WRONG, FAILS)),
        BoardRow(OTHER, (PASS, Cell("in-tree", CellStatus.NONE, reason="no class"), LIMITED)),
    ),
    (NotBuilt("odd", Failure("building", "ValueError", "too small")),),
)


def section(page: str, title: str) -> str:
    return page.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


class TestMarkdown:
    def test_totals_count_every_status(self) -> None:
        assert totals(BOARD)["transformers"] == {
            status: int(status in (CellStatus.FAILS, CellStatus.CPU_LIMITED))
            for status in CellStatus
        }
        rows = section(to_markdown(BOARD), "Totals").splitlines()
        assert "| mmport's port | 2 | 0 | 0 | 0 | 0 | 0 | 2 |" in rows
        assert "| vLLM's own class | 0 | 1 | 0 | 0 | 0 | 1 | 2 |" in rows

    def test_one_row_a_model(self) -> None:
        rows = section(to_markdown(BOARD), "Models").splitlines()
        name = "[tiny-older](#tiny-older)"
        assert f"| {name} | tiny | pass | wrong: logits 0.41 | fails: SizeError |" in rows

    def test_reasons_name_figure_bound_place_and_line(self) -> None:
        reasons = section(to_markdown(BOARD), "Reasons")
        assert "logits / image / prompt: 0.411, bound 1e-03: at \\[3\\]: 1, expected 2" in reasons
        assert "(`vllm/models/glm4v.py:87`: `` x = `y` | z ``)" in reasons
        assert r"loading: SizeError: a \| b \`c\` \<d\>" in reasons
        assert "passed all the same: processor" in reasons
        assert (
            "the CPU engine lacks: two-way attention (`vllm/backend.py`: `return False`)" in reasons
        )
        assert "- **in-tree**, none: no class" in reasons

    def test_a_green_row_has_no_reasons(self) -> None:
        green = replace(BOARD, rows=(BoardRow(MODEL, (PASS,)),), not_built=())
        page = to_markdown(green)
        assert "## Reasons" not in page
        assert "## Not measured" not in page
        assert "| tiny-older | tiny | pass | not run | not run |" in page

    def test_what_was_not_built_says_why(self) -> None:
        assert "- odd: building: ValueError: too small" in section(
            to_markdown(BOARD), "Not measured"
        )

    def test_the_cost_of_the_models(self) -> None:
        models = section(to_markdown(BOARD), "Reference models")
        assert "2 reference models, 3 MB, built in 10 s altogether." in models
        assert "| 1,234,567 | 2.5 | 3.5 | 1.5 |" in models

    def test_a_table_row_is_never_broken(self) -> None:
        width = section(to_markdown(BOARD), "Models").strip().splitlines()[0].count("|")
        for line in section(to_markdown(BOARD), "Models").strip().splitlines():
            assert line.replace("\\|", "").count("|") == width


class TestLines:
    def test_of_a_cell(self) -> None:
        assert cell_text(PASS) == "pass"
        assert cell_text(FAILS).startswith("fails: loading: SizeError: a | b")
        assert cell_text(FAILS).endswith("(vllm/models/glm4v.py:87)")
        assert cell_text(LIMITED).endswith("; two-way attention (vllm/backend.py)")

    def test_in_a_few_words(self) -> None:
        exact = replace(WRONG, difference=replace(DIFFERENCE, figure=None, bound=None))
        assert short_text(exact) == "wrong: logits"
        assert short_text(None) == "not run"

    def test_on_a_terminal(self) -> None:
        console = Console(file=io.StringIO(), width=120)
        console.print(board_page(BOARD))
        assert isinstance(console.file, io.StringIO)
        shown = console.file.getvalue()
        assert "wrong: logits 0.41" in shown
        assert "odd was not measured: building: ValueError: too small" in shown


def test_the_document_can_be_read_back() -> None:
    assert from_json(to_json(BOARD), Scoreboard) == BOARD
