"""The board on a terminal: a row a model, and the totals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mmport.model.scoreboard import Cell, CellStatus, Scoreboard
from mmport.scoreboard.page import failure_text, short_text, totals

if TYPE_CHECKING:
    from rich.console import RenderableType

_STYLES = {
    CellStatus.PASS: "green",
    CellStatus.WRONG: "bold red",
    CellStatus.FAILS: "red",
    CellStatus.REFUSED: "yellow",
    CellStatus.CPU_LIMITED: "yellow",
    CellStatus.NONE: "dim",
}


def board_page(board: Scoreboard) -> RenderableType:
    """Lay out the board as a table, with a line for what could not be built."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    versions = board.versions
    title = f"vLLM {versions.vllm} and transformers {versions.transformers}, on the CPU"
    table = Table(title=title, title_justify="left")
    table.add_column("reference model")
    for column in board.columns:
        table.add_column(column)
    for row in board.rows:
        shown = [_styled(row.cell(column)) for column in board.columns]
        table.add_row(row.model.name, *(Text(text, style=style) for text, style in shown))
    table.add_section()
    counted = totals(board)
    table.add_row("pass", *(str(counted[one][CellStatus.PASS]) for one in board.columns))
    missing = [
        Text(f"{one.name} was not measured: {failure_text(one.failure)}", style="red")
        for one in board.not_built
    ]
    return Group(table, *missing)


def _styled(cell: Cell | None) -> tuple[str, str]:
    return short_text(cell), _STYLES[cell.status] if cell else "dim"
