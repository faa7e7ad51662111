"""The board as a page: `docs/scoreboard.md`, and one line a cell."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from mmport.core.markdown import code_span, escape, table
from mmport.model.evidence import Implementation
from mmport.model.scoreboard import (
    BoardModel,
    BoardRow,
    Cause,
    Cell,
    CellStatus,
    Difference,
    Failure,
    NotBuilt,
    Scoreboard,
)

_SHOWN = 300
_TITLES: dict[Implementation, str] = {
    "port": "mmport's port",
    "in-tree": "vLLM's own class",
    "transformers": "Transformers backend",
}
_MEANINGS = {
    CellStatus.PASS: "every stage equals HuggingFace within its bound",
    CellStatus.WRONG: "it runs, and differs: the first stage that does, its figure and its bound",
    CellStatus.FAILS: "it does not run: the error",
    CellStatus.REFUSED: "mmport says that it cannot port this model, and why",
    CellStatus.CPU_LIMITED: "the CPU engine lacks what the model needs; what comes before is right",
    CellStatus.NONE: "vLLM has no class of its own for the architecture",
}


def cell_text(cell: Cell) -> str:
    """Tell of a cell in one line of plain text, its place and its reason included."""
    told = [one for one in (_measured_text(cell), _cause_text(cell.cause)) if one]
    return f"{cell.status.value}{': ' if told else ''}{'; '.join(told)}"


def short_text(cell: Cell | None) -> str:
    """Tell of a cell in a few words of plain text."""
    if cell is None:
        return "not run"
    if cell.status is CellStatus.FAILS and cell.failure:
        return f"fails: {cell.failure.type.rpartition('.')[2]}"
    if cell.status is CellStatus.WRONG and cell.difference:
        figure = cell.difference.figure
        size = "" if figure is None else f" {figure:.2g}"
        return f"wrong: {cell.difference.stage.value}{size}"
    return cell.status.value


def to_markdown(board: Scoreboard) -> str:
    """Render the whole page."""
    sections = [
        _head(board),
        _totals(board),
        _by_type(board),
        _table(board),
        _reasons(board),
        _not_built(board.not_built),
        _models(board.rows),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def totals(board: Scoreboard) -> dict[Implementation, dict[CellStatus, int]]:
    """Count each status of each column."""
    return {
        column: {
            status: sum(cell.status is status for cell in _column(board, column))
            for status in CellStatus
        }
        for column in board.columns
    }


def _head(board: Scoreboard) -> str:
    versions = board.versions
    lines = [
        "# Scoreboard",
        "Which implementation of each vision-, video- or audio-language model gives what"
        " HuggingFace gives, measured on small random checkpoints"
        f" (`mmport scoreboard`): vLLM {versions.vllm} on the CPU against transformers"
        f" {versions.transformers}, torch {versions.torch}, Python {versions.python},"
        f" mmport {versions.mmport}.",
        "Each cell is a run of the real engine in a process of its own: HF's processor, features,"
        " logprobs and greedy tokens against the implementation's, over prompts with one item,"
        " several items and mixed batches.",
        "\n".join(f"- **{status.value}**: {text}" for status, text in _MEANINGS.items()),
    ]
    return "\n\n".join(lines)


def _totals(board: Scoreboard) -> str:
    counted = totals(board)
    header = ["", *(status.value for status in CellStatus), "models"]
    rows = [
        [_TITLES[column], *(str(counted[column][one]) for one in CellStatus),
         str(sum(counted[column].values()))]
        for column in board.columns
    ]  # fmt: skip
    return "## Totals\n\n" + table(header, rows)


def _by_type(board: Scoreboard) -> str:
    """Count model types rather than reference models: as saved, and by the best variant."""
    passing: dict[Implementation, dict[str, bool]] = {column: {} for column in board.columns}
    types = dict.fromkeys(row.model.model_type for row in board.rows)
    for row in board.rows:
        for column in board.columns:
            cell = row.cell(column)
            if cell is not None and cell.status is CellStatus.PASS:
                as_saved = row.model.name == row.model.model_type
                known = passing[column].get(row.model.model_type, False)
                passing[column][row.model.model_type] = known or as_saved
    rows = [
        [_TITLES[column], str(sum(found.values())), str(len(found)), str(len(types))]
        for column, found in passing.items()
    ]
    served = {name for column in ("in-tree", "transformers") for name in passing.get(column, ())}
    neither = [name for name in types if name not in served]
    header = ["", "pass as transformers saves them", "pass in some variant", "model types"]
    told = f"Neither vLLM's own class nor its backend passes on {len(neither)} model types"
    listed = f": {', '.join(map(escape, neither))}." if neither else "."
    return f"## By model type\n\n{table(header, rows)}\n\n{told}{listed}"


def _table(board: Scoreboard) -> str:
    header = ["reference model", "model type", *board.columns]
    rows = [
        [
            f"[{escape(row.model.name)}](#{_anchor(row.model.name)})"
            if _has_reasons(row)
            else escape(row.model.name),
            escape(row.model.model_type),
            *(escape(short_text(row.cell(column))) for column in board.columns),
        ]
        for row in board.rows
    ]
    return "## Models\n\n" + table(header, rows)


def _has_reasons(row: BoardRow) -> bool:
    return any(
        cell.remarks or cell.status not in (CellStatus.PASS, CellStatus.NONE) for cell in row.cells
    )


def _reasons(board: Scoreboard) -> str:
    told = [
        f"### {escape(row.model.name)}\n\n" + "\n".join(_reason_lines(row))
        for row in board.rows
        if _has_reasons(row)
    ]
    return "## Reasons\n\n" + "\n\n".join(told) if told else ""


def _reason_lines(row: BoardRow) -> Iterator[str]:
    for cell in row.cells:
        if cell.status is CellStatus.PASS and not cell.remarks:
            continue
        line = f"- **{cell.column}**, {cell.status.value}"
        told = _measured_markdown(cell)
        yield f"{line}: {told}" if told else line
        if cell.status in (CellStatus.WRONG, CellStatus.FAILS, CellStatus.CPU_LIMITED):
            stages = ", ".join(stage.value for stage in cell.proven)
            yield f"  - passed all the same: {stages or 'nothing'}"
        for remark in cell.remarks:
            yield f"  - not asked: {escape(remark)}"
        if cell.cause:
            lead = "the CPU engine lacks" if cell.status is CellStatus.CPU_LIMITED else "cause"
            place = f"`{cell.cause.source}`: {_code(cell.cause.quote)}"
            yield f"  - {lead}: {escape(cell.cause.text)} ({place})"


def _measured_markdown(cell: Cell) -> str:
    parts = []
    if cell.failure:
        parts.append(failure_text(cell.failure, markdown=True))
    if cell.difference:
        parts.append(escape(_difference_text(cell.difference)))
    if cell.reason:
        parts.append(escape(_cut(cell.reason)))
    return "; before that, ".join(parts) if cell.failure and cell.difference else "; ".join(parts)


def _measured_text(cell: Cell) -> str:
    if cell.failure:
        return failure_text(cell.failure)
    if cell.difference:
        return _difference_text(cell.difference)
    return _cut(cell.reason)


def _difference_text(found: Difference) -> str:
    figures = ""
    if found.bound is not None:
        figure = "not finite" if found.figure is None else f"{found.figure:.3g}"
        figures = f": {figure}, bound {found.bound:.0e}"
    detail = f": {_cut(found.detail)}" if found.detail else ""
    return f"{found.stage.value} / {found.scenario} / {found.subject}{figures}{detail}"


def failure_text(failure: Failure, *, markdown: bool = False) -> str:
    """Tell of an error in one line, with the line of code that it passed last."""
    kind = failure.type.rpartition(".")[2]
    text = f"{failure.phase}: {kind}: {_cut(failure.message)}".removeprefix(": ")
    if not markdown:
        return text + (f" ({failure.line.place})" if failure.line else "")
    shown = escape(text)
    if failure.line:
        shown += f" (`{failure.line.place}`: {_code(failure.line.text)})"
    return shown


def _cause_text(cause: Cause | None) -> str:
    return f"{cause.text} ({cause.source})" if cause else ""


def _not_built(missing: Sequence[NotBuilt]) -> str:
    if not missing:
        return ""
    lines = [f"- {escape(one.name)}: {failure_text(one.failure, markdown=True)}" for one in missing]
    return (
        "## Not measured\n\nThere is no checkpoint, or HuggingFace has no answers for it.\n\n"
        + "\n".join(lines)
    )


def _models(rows: Sequence[BoardRow]) -> str:
    header = ["reference model", "architecture", "parameters", "MB", "built in s", "HF in s"]
    described = [_model_row(row.model) for row in rows]
    seconds = sum(row.model.seconds for row in rows)
    size = sum(row.model.bytes for row in rows) / 1e6
    total = f"{len(rows)} reference models, {size:.0f} MB, built in {seconds:.0f} s altogether."
    return f"## Reference models\n\n{total}\n\n" + table(header, described)


def _model_row(model: BoardModel) -> list[str]:
    return [
        escape(model.name),
        escape(model.architecture),
        f"{model.parameters:,}",
        f"{model.bytes / 1e6:.1f}",
        f"{model.seconds:.1f}",
        f"{model.reference_seconds:.1f}",
    ]


def _column(board: Scoreboard, column: Implementation) -> Iterator[Cell]:
    for row in board.rows:
        cell = row.cell(column)
        if cell is not None:
            yield cell


def _code(text: str) -> str:
    return code_span(_cut(text))


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _anchor(name: str) -> str:
    return re.sub(r"[^\w-]", "", name.lower().replace(" ", "-"))
