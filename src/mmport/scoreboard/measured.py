"""What the board knows of the alternatives to a port, in brief: what `inspect` tells."""

from __future__ import annotations

from mmport.model.evidence import Stage
from mmport.model.measured import MEASURED_SCHEMA, Measured, MeasuredModel, Outcome
from mmport.model.scoreboard import Cell, CellStatus, Scoreboard
from mmport.scoreboard.page import cell_text

_SHOWN = 240
_ANSWERING: frozenset[Stage] = frozenset(
    {Stage.ENCODER, Stage.MERGE, Stage.DECODER, Stage.LOGITS, Stage.GENERATION}
)
"""What these prove is that features, hidden states and tokens are HuggingFace's."""


def measured(board: Scoreboard) -> Measured:
    """Draw it from a board that has the columns of both alternatives."""
    models = []
    for row in board.rows:
        in_tree, backend = row.cell("in-tree"), row.cell("transformers")
        if in_tree is None or backend is None:
            continue
        none = in_tree.status is CellStatus.NONE
        models.append(
            MeasuredModel(
                name=row.model.name,
                architecture=row.model.architecture,
                weights=row.model.weights,
                in_tree=None if none else _outcome(in_tree),
                backend=_outcome(backend),
            )
        )
    versions = board.versions
    return Measured(MEASURED_SCHEMA, versions.vllm, versions.transformers, tuple(models))


def _outcome(cell: Cell) -> Outcome:
    if cell.status is CellStatus.PASS:
        return Outcome(answers=True, told="")
    text = cell_text(cell)
    told = text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
    return Outcome(answers=set(cell.proven) >= _ANSWERING, told=told)
