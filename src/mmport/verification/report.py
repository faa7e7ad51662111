"""Evidence as a page for a person: one row a stage, one column an implementation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from mmport.model.evidence import (
    Divergence,
    Evidence,
    Measurement,
    NoiseVariant,
    Outcome,
    Place,
    Stage,
    StageResult,
)
from mmport.verification.referee import ENGINE, describe, first_failure

if TYPE_CHECKING:
    from rich.console import RenderableType

_STYLES = {Outcome.PASSED: "green", Outcome.FAILED: "bold red", Outcome.NOT_RUN: "yellow"}
_MEANINGS = {
    "node": "the inputs agree, the output does not",
    "edge": "the outputs before agree, the input does not",
}


def evidence_page(evidence: Sequence[Evidence]) -> RenderableType:
    """Lay out all implementations side by side, and each one's first failure."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title(evidence[0]), title_justify="left")
    table.add_column("stage")
    for one in evidence:
        table.add_column(one.implementation)
    for stage in Stage:
        row = [_cell(stage_result(one, stage)) for one in evidence]
        table.add_row(stage.value, *(Text(text, style=style) for text, style in row))
    lines = [Text(_conclusion(one), style=_STYLES[one.outcome]) for one in evidence]
    floor = noise_text(evidence[0].noise)
    return Group(table, *([Text(f"noise floor: {floor}")] if floor else []), *lines)


def title(evidence: Evidence) -> str:
    """Name the model, the two sides and what they ran on."""
    environment = evidence.environment
    tiny = " (tiny weights)" if evidence.tiny else ""
    return (
        f"{evidence.model}{tiny}: transformers {environment.transformers} and "
        f"vLLM {environment.vllm}, {environment.device}, {environment.dtype}"
    )


def stage_result(evidence: Evidence, stage: Stage) -> StageResult:
    """Find a stage's result; one that evidence of another version lacks was not run."""
    missing = StageResult(stage, Outcome.NOT_RUN, (), "unknown to the evidence")
    return next((result for result in evidence.stages if result.stage is stage), missing)


def stage_text(result: StageResult) -> str:
    """Tell of a stage in a few words: how much was compared, and the worst of it."""
    if result.outcome is Outcome.NOT_RUN:
        return f"not run: {result.reason}" if result.reason else "not run"
    failed, compared = counts(result)
    if failed:
        return f"FAILED {failed} of {compared}"
    count = checks(compared)
    if compared < len(result.measurements):
        count += f", {len(result.measurements) - compared} not comparable"
    worst = worst_measurement(result.measurements)
    return f"ok, {count}, {'exact' if worst is None else f'worst {figures_text(worst)}'}"


def counts(result: StageResult) -> tuple[int, int]:
    """How many measurements failed, and how many there are that could be made."""
    outcomes = [item.outcome for item in result.measurements]
    return outcomes.count(Outcome.FAILED), len(outcomes) - outcomes.count(Outcome.NOT_RUN)


def checks(count: int) -> str:
    """So many checks, in words."""
    return "1 check" if count == 1 else f"{count} checks"


def worst_measurement(measurements: Sequence[Measurement]) -> Measurement | None:
    """The measurement that comes nearest to its bound; None if all are exact."""
    bounded = [item for item in measurements if item.figure is not None and item.bound is not None]
    return max(bounded, key=_share_of_bound, default=None)


def _share_of_bound(measurement: Measurement) -> float:
    figure, bound = measurement.figure or 0.0, measurement.bound or 0.0
    return figure / bound if bound else figure * float("inf") if figure else 0.0


def figures_text(item: Measurement | Divergence) -> str:
    """A figure beside what it is held to: HF's own noise, where known, and the bound."""
    if item.figure is None:
        return ""
    floor = item.floor if isinstance(item, Measurement) else None
    told = []
    if floor:
        told.append(f"{item.figure / floor:.2g} times the floor {number(floor)}")
    elif floor is not None:
        told.append("floor 0")
    if item.bound is not None:
        told.append(f"bound {number(item.bound)}")
    return number(item.figure) + (f" ({', '.join(told)})" if told else "")


def number(value: float) -> str:
    """Write a figure in a few characters; counts stay whole."""
    if value == 0:
        return "0"
    return f"{value:.3g}" if 0.01 <= value < 1e4 else f"{value:.1e}"


def noise_text(variants: Sequence[NoiseVariant]) -> str:
    """By how much HF parts from itself, in each way that it was computed in; empty if in none."""
    told = []
    for one in variants:
        figures = [
            f"{number(value)} in {what}"
            for value, what in ((one.logprobs, "logprobs"), (one.features, "features"))
            if value is not None
        ]
        if figures:
            unused = "" if one.used else f" (not used: {one.detail})"
            told.append(f"HF in {one.name} {', '.join(figures)}{unused}")
    return "; ".join(told)


def divergence_lines(divergence: Divergence) -> Iterator[str]:
    """Say where two models part: what it is, then each side's names, shapes and sources."""
    figures = figures_text(divergence)
    yield (
        f"first difference: {divergence.kind} in {divergence.stage.value}, "
        f"{divergence.scenario}: {_MEANINGS[divergence.kind]}{figures and ': '}{figures}"
    )
    yield f"  HF   {_place_text(divergence.hf, divergence.after_hf)}"
    yield f"  vLLM {_place_text(divergence.vllm, divergence.after_vllm)}"
    if divergence.detail:
        yield f"  {divergence.detail}"


def _place_text(place: Place, after: Place | None) -> str:
    shape = f" {list(place.shape)}" if place.shape else ""
    source = f" at {place.source}" if place.source else ""
    before = ""
    if after is not None:
        stands = f" at {after.source}" if after.source else ""
        before = f", after {after.module} ({after.kind}){stands}"
    return f"{place.module or '(the model)'} ({place.kind}){shape}{source}{before}"


def _cell(result: StageResult) -> tuple[str, str]:
    return stage_text(result), _STYLES[result.outcome]


def _conclusion(evidence: Evidence) -> str:
    if evidence.outcome is not Outcome.FAILED:
        return f"{evidence.implementation}: {verdict(evidence)}"
    failures = [
        describe(next(item for item in stage.measurements if item.outcome is Outcome.FAILED))
        for stage in evidence.stages
        if stage.outcome is Outcome.FAILED
    ]
    if evidence.divergence is None:
        lines = [f"first difference at {evidence.first_failure}"]
        lines += [f"  then {line}" for line in failures[1:]]
    else:
        lines = [*divergence_lines(evidence.divergence)]
        lines += [f"  failed: {line}" for line in failures]
    return f"{evidence.implementation}: " + "\n".join(lines)


def verdict(evidence: Evidence) -> str:
    """The outcome in one sentence."""
    if evidence.outcome is Outcome.PASSED:
        return f"equal to HuggingFace in {_proven_stages(evidence)}"
    if evidence.outcome is Outcome.NOT_RUN:
        return "not every stage was run"
    if evidence.divergence is not None:
        divergence = evidence.divergence
        module = divergence.vllm.module or "the model"
        return f"parts from HuggingFace in {divergence.stage.value}, at {module}"
    first = first_failure(evidence.stages)
    if first is None:
        return "failed"
    stage = first.stage.value
    stopped = first.subject == ENGINE
    return f"stops the engine in {stage}" if stopped else f"parts from HuggingFace in {stage}"


def _proven_stages(evidence: Evidence) -> str:
    """Name the stages that were proven, where it is not all of them."""
    passed = [stage.stage for stage in evidence.stages if stage.outcome is Outcome.PASSED]
    return "every stage" if len(passed) == len(Stage) else ", ".join(passed)
