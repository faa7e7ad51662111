"""`Scoreboard`: every reference model against every implementation, as measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from mmport.model.evidence import Implementation, Stage

SCOREBOARD_SCHEMA = "mmport.scoreboard/1"
COLUMNS: tuple[Implementation, ...] = ("port", "in-tree", "transformers")


class CellStatus(StrEnum):
    """What became of one implementation on one reference model."""

    PASS = "pass"  # noqa: S105 - no password
    WRONG = "wrong"
    FAILS = "fails"
    REFUSED = "refused"
    CPU_LIMITED = "cpu-limited"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Difference:
    """The first measurement that failed; `figure` and `bound` are None where it is exact."""

    stage: Stage
    scenario: str
    subject: str
    figure: float | None
    bound: float | None
    detail: str


@dataclass(frozen=True, slots=True)
class CodeLine:
    """A line of vLLM or transformers: `place` is `vllm/…/file.py:123`, `text` its source."""

    place: str
    text: str


@dataclass(frozen=True, slots=True)
class Failure:
    """An error that ended a side, and the last line of vLLM or transformers that it passed."""

    phase: str
    type: str
    message: str
    line: CodeLine | None = None


@dataclass(frozen=True, slots=True)
class Cause:
    """Why, as a person found it: what the CPU engine lacks, or the fault in whoever's code."""

    text: str
    source: str
    quote: str


@dataclass(frozen=True, slots=True)
class Cell:
    """One implementation on one reference model.

    `difference` comes with `wrong`, `failure` with `fails`, either of them with
    `cpu-limited`, `reason` with `refused` and `none`. `proven` are the stages
    that passed all the same. Where an engine stopped after it had differed,
    `fails` has both. `remarks` say what the implementation was not asked, as it
    takes no such requests.
    """

    column: Implementation
    status: CellStatus
    seconds: float = 0.0
    proven: tuple[Stage, ...] = ()
    difference: Difference | None = None
    failure: Failure | None = None
    reason: str = ""
    cause: Cause | None = None
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BoardModel:
    """A reference model: what it is, what it can show, and what it costs.

    `seconds` are for building it, `reference_seconds` for HF's answers, `bytes`
    of its folder. `honesty` is the builder's own account. `weights` are the first
    levels of its tensors' names.
    """

    name: str
    model_type: str
    variant: str
    architecture: str
    parameters: int
    seconds: float
    bytes: int
    honesty: Mapping[str, Any]
    reference_seconds: float = 0.0
    weights: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BoardRow:
    """A reference model and its cells, in the order of `COLUMNS`."""

    model: BoardModel
    cells: tuple[Cell, ...]

    def cell(self, column: Implementation) -> Cell | None:
        """Find the cell of a column; None if it was not measured."""
        return next((cell for cell in self.cells if cell.column == column), None)


@dataclass(frozen=True, slots=True)
class NotBuilt:
    """A reference model that could not be built, or that HF has no answers for, and why."""

    name: str
    failure: Failure


@dataclass(frozen=True, slots=True)
class BoardVersions:
    """The software that the board was made with."""

    mmport: str
    vllm: str
    torch: str
    transformers: str
    python: str


@dataclass(frozen=True, slots=True)
class Scoreboard:
    """All rows by name, and the reference models that could not be built."""

    schema: str
    versions: BoardVersions
    columns: tuple[Implementation, ...]
    rows: tuple[BoardRow, ...]
    not_built: tuple[NotBuilt, ...]
