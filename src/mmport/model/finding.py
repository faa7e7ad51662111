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
    """One finding; `line` is 1-based, 0 for the file as a whole."""

    severity: Severity
    rule: str
    file: str
    line: int
    message: str
    fix: str
