"""From what a run came to, to the cell that the board shows."""

from __future__ import annotations

import json
import traceback
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from mmport.core.errors import MmportError
from mmport.model.evidence import Evidence, Implementation, Measurement, Outcome
from mmport.model.scoreboard import Cell, CellStatus, Difference, Failure
from mmport.scoreboard.code_lines import failure_of, portable
from mmport.verification.judging import CANDIDATE
from mmport.verification.referee import ENGINE
from mmport.vllm_api.catalog import Catalog


def measured(evidence: Evidence, out: Path, seconds: float, folders: Mapping[Path, str]) -> Cell:
    """Make the cell of a comparison that was run.

    Args:
        evidence: what it measured.
        out: the folder of the engine's worker, where an error of its lies.
        seconds: that it took.
        folders: names to give to folders that a message may name.
    """
    proven = tuple(one.stage for one in evidence.stages if one.outcome is Outcome.PASSED)
    column = evidence.implementation
    blank = Cell(column, CellStatus.PASS, seconds, proven, remarks=_remarks(evidence))
    if evidence.outcome is Outcome.PASSED:
        return blank
    failed = [
        item
        for stage in evidence.stages
        for item in stage.measurements
        if item.outcome is Outcome.FAILED
    ]
    if not failed:
        return replace(blank, status=CellStatus.FAILS, failure=_unproven(evidence))
    if not (out / "error.json").exists():
        return replace(blank, status=CellStatus.WRONG, difference=_difference(failed[0], folders))
    differs = next((item for item in failed if item.subject != ENGINE), None)
    difference = _difference(differs, folders) if differs else None
    failure = _worker_failure(out, folders)
    return replace(blank, status=CellStatus.FAILS, difference=difference, failure=failure)


def died(
    column: Implementation,
    error: Exception,
    seconds: float,
    folders: Mapping[Path, str],
    phase: str,
) -> Cell:
    """Make the cell of a comparison that ended without evidence.

    Args:
        column: the implementation.
        error: that ended it, mmport's own or one that nobody foresaw.
        seconds: that it took.
        folders: names to give to folders that a message may name.
        phase: what was being done.
    """
    return Cell(column, CellStatus.FAILS, seconds, failure=as_failure(error, folders, phase))


def as_failure(error: Exception, folders: Mapping[Path, str], phase: str) -> Failure:
    """Tell of an error that reached us as an exception."""
    if isinstance(error, MmportError):
        return failure_of(phase, type(error).__name__, error.what, error.details, folders)
    trace = "".join(traceback.format_exception(error))
    return failure_of(phase, type(error).__name__, str(error), trace, folders)


def refused(error: MmportError, seconds: float, folders: Mapping[Path, str]) -> Cell:
    """Make the cell of a port that mmport declined to write."""
    return Cell("port", CellStatus.REFUSED, seconds, reason=portable(error.what, folders))


def without_class(architecture: str, catalog: Catalog) -> Cell | None:
    """Make the in-tree cell of an architecture that vLLM has no class of its own for.

    None if it has one.
    """
    if catalog.multimodal(architecture) or catalog.text(architecture):
        return None
    last = catalog.previously_supported.get(architecture)
    if catalog.on_backend(architecture):
        reason = f"vLLM routes {architecture} to its Transformers backend"
    elif last:
        reason = f"vLLM took {architecture} out after {last}"
    else:
        reason = f"vLLM has no {architecture}"
    return Cell("in-tree", CellStatus.NONE, reason=reason)


def _difference(item: Measurement, folders: Mapping[Path, str]) -> Difference:
    return Difference(
        item.stage,
        item.scenario,
        item.subject,
        item.figure,
        item.bound,
        portable(item.detail, folders),
    )


def _remarks(evidence: Evidence) -> tuple[str, ...]:
    """What the implementation was not asked, because it takes no such requests."""
    told = (
        item.detail
        for stage in evidence.stages
        for item in stage.measurements
        if item.outcome is Outcome.NOT_RUN and item.detail.startswith(f"{CANDIDATE}: ")
    )
    return tuple(dict.fromkeys(told))


def _worker_failure(out: Path, folders: Mapping[Path, str]) -> Failure:
    error = json.loads((out / "error.json").read_text(encoding="utf-8"))
    return failure_of(error["phase"], error["type"], error["message"], error["traceback"], folders)


def _unproven(evidence: Evidence) -> Failure:
    """Nothing failed, and something that has to be shown was not."""
    reasons = [
        f"{one.stage}: {one.reason}"
        for one in evidence.stages
        if one.stage in evidence.required and one.outcome is Outcome.NOT_RUN
    ]
    return Failure("comparing", "NotProven", "; ".join(reasons))
