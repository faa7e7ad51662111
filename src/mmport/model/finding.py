"""`Finding`: something that the gate or a command has to say about a file."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How much a finding weighs: an error makes the exit code 1."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding.

    `line` and `column` are 1-based and count characters; 0 is the file as a
    whole, and a column that is not known. `end_line` is the last line that it is
    about, 0 where that is `line`. `target` is the vLLM release that it holds for, or
    several with commas between; empty where it is no matter of a release.
    """

    severity: Severity
    rule: str
    file: str
    line: int
    message: str
    fix: str
    column: int = 0
    end_line: int = 0
    target: str = ""
