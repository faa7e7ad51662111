"""What became of a file in the hands of a codemod: always one of four, never a boolean."""

from __future__ import annotations

from dataclasses import dataclass

import libcst as cst


@dataclass(frozen=True, slots=True)
class Changed:
    """The step did its work; `summary` says what it did, in a few words."""

    module: cst.Module
    summary: str


@dataclass(frozen=True, slots=True)
class Unchanged:
    """There was nothing to do: it is there already."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """The step does not concern this file; why."""

    reason: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The step is needed and cannot be done; why, and what a person can do instead."""

    reason: str
    hint: str


Outcome = Changed | Unchanged | Skipped | Failed
