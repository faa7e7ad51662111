"""Why cells are red, as people found out: `causes.toml`, and how it is read."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import cache
from importlib import resources

from mmport.core.jsonable import from_builtins
from mmport.model.evidence import Implementation, Stage
from mmport.model.scoreboard import COLUMNS, BoardModel, Cause, Cell, CellStatus

_BEFORE_THE_ENGINE_COUNTS = frozenset({Stage.PROCESSOR, Stage.ENCODER})
"""Stages in which nothing hangs on what the engine can do."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """One entry of the file: which cells it explains, and what it says of them.

    `models` are patterns for a model type or a reference model's name.
    `message` is a regular expression that the failure's message, or the
    difference's detail, must contain. Exactly one of `lacks` (what the CPU
    engine does not have) and `cause` is given; `quote` is what stands at `source`.
    """

    models: tuple[str, ...]
    source: str
    quote: str
    columns: tuple[Implementation, ...] = COLUMNS
    status: tuple[CellStatus, ...] = (CellStatus.WRONG, CellStatus.FAILS)
    stages: tuple[Stage, ...] = ()
    message: str = ""
    lacks: str = ""
    cause: str = ""

    def __post_init__(self) -> None:
        if bool(self.lacks) == bool(self.cause):
            raise ValueError(f"{self.source}: give either `lacks` or `cause`")

    def fits(self, model: BoardModel, cell: Cell) -> bool:
        """Tell whether it explains a cell as it was measured."""
        named = any(
            fnmatchcase(name, pattern)
            for pattern in self.models
            for name in (model.model_type, model.name)
        )
        stage = cell.difference.stage if cell.difference else None
        return (
            named
            and cell.column in self.columns
            and cell.status in self.status
            and (not self.stages or stage in self.stages)
            and re.search(self.message, _said(cell)) is not None
        )


@cache
def explanations() -> tuple[Explanation, ...]:
    """Read all entries; the first that fits a cell explains it."""
    text = resources.files(__package__).joinpath("causes.toml").read_text(encoding="utf-8")
    entries = tomllib.loads(text).get("cause_of", [])
    return from_builtins(entries, tuple[Explanation, ...])


def explained(
    model: BoardModel, cell: Cell, entries: tuple[Explanation, ...] | None = None
) -> Cell:
    """Add the cause that is known; a lack of the CPU engine makes the cell `cpu-limited`.

    But only where all that the engine has no part in was proven: an encoder
    that is wrong is wrong on any engine.
    """
    known = explanations() if entries is None else entries
    entry = next((entry for entry in known if entry.fits(model, cell)), None)
    if entry is None:
        return cell
    cause = Cause(entry.lacks or entry.cause, entry.source, entry.quote)
    found = replace(cell, cause=cause)
    untouched = _BEFORE_THE_ENGINE_COUNTS.issubset(cell.proven)
    differed = cell.difference is not None and cell.difference.stage in _BEFORE_THE_ENGINE_COUNTS
    if entry.cause or differed or (cell.status is CellStatus.WRONG and not untouched):
        return found
    return replace(found, status=CellStatus.CPU_LIMITED)


def _said(cell: Cell) -> str:
    failure = f"{cell.failure.type}: {cell.failure.message}" if cell.failure else ""
    return f"{cell.difference.detail if cell.difference else ''} {failure}".strip()
