"""Evidence as a page for a person: one row a stage, one column an implementation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mmport.model.evidence import Evidence, Outcome, Stage, StageResult
from mmport.verification.referee import describe

if TYPE_CHECKING:
    from rich.console import RenderableType

_STYLES = {Outcome.PASSED: "green", Outcome.FAILED: "bold red", Outcome.NOT_RUN: "yellow"}


def evidence_page(evidence: Sequence[Evidence]) -> RenderableType:
    """Lay out all implementations side by side, and each one's first failure."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    table = Table(title=_title(evidence[0]), title_justify="left")
    table.add_column("stage")
    for one in evidence:
        table.add_column(one.implementation)
    for stage in Stage:
        row = [_cell(_result(one, stage)) for one in evidence]
        table.add_row(stage.value, *(Text(text, style=style) for text, style in row))
    lines = [Text(_conclusion(one), style=_STYLES[one.outcome]) for one in evidence]
    return Group(table, *lines)


def _title(evidence: Evidence) -> str:
    environment = evidence.environment
    tiny = " (tiny weights)" if evidence.tiny else ""
    return (
        f"{evidence.model}{tiny}: transformers {environment.transformers} and "
        f"vLLM {environment.vllm}, {environment.device}, {environment.dtype}"
    )


def _result(evidence: Evidence, stage: Stage) -> StageResult:
    return next(result for result in evidence.stages if result.stage is stage)


def _cell(result: StageResult) -> tuple[str, str]:
    style = _STYLES[result.outcome]
    if result.outcome is Outcome.NOT_RUN:
        return f"not run: {result.reason}", style
    failed = sum(item.outcome is Outcome.FAILED for item in result.measurements)
    compared = sum(item.outcome is not Outcome.NOT_RUN for item in result.measurements)
    if failed:
        return f"FAILED {failed} of {compared}", style
    figures = [
        (item.figure, item.bound)
        for item in result.measurements
        if item.figure is not None and item.bound is not None
    ]
    count = f"{compared} checks"
    if compared < len(result.measurements):
        count += f", {len(result.measurements) - compared} not comparable"
    if not figures:
        return f"ok, {count}, exact", style
    figure, bound = max(figures)
    return f"ok, {count}, worst {figure:.1e} (bound {bound:.0e})", style


def _conclusion(evidence: Evidence) -> str:
    if evidence.outcome is Outcome.PASSED:
        return f"{evidence.implementation}: equal to HuggingFace in {_proven_stages(evidence)}"
    if evidence.outcome is Outcome.NOT_RUN:
        return f"{evidence.implementation}: not every stage was run"
    lines = [f"{evidence.implementation}: first difference at {evidence.first_failure}"]
    others = [
        describe(next(item for item in stage.measurements if item.outcome is Outcome.FAILED))
        for stage in evidence.stages
        if stage.outcome is Outcome.FAILED
    ]
    return "\n".join([*lines, *(f"  then {line}" for line in others[1:])])


def _proven_stages(evidence: Evidence) -> str:
    """Name the stages that were proven, where it is not all of them."""
    passed = [stage.stage for stage in evidence.stages if stage.outcome is Outcome.PASSED]
    return "every stage" if len(passed) == len(Stage) else ", ".join(passed)
