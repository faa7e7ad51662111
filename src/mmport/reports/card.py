"""The verification card: what a reviewer of a pull request has to know, in Markdown."""

from __future__ import annotations

from collections.abc import Iterator

from mmport.core.errors import one_line
from mmport.core.markdown import code_span, escape, table
from mmport.model.evidence import Evidence, Outcome, Stage
from mmport.reports.page import NAMES
from mmport.reports.record import Record
from mmport.verification.report import divergence_lines, stage_result, stage_text, verdict

_MARKS = {
    Outcome.PASSED: "\N{WHITE HEAVY CHECK MARK}",
    Outcome.FAILED: "\N{CROSS MARK}",
    Outcome.NOT_RUN: "\N{BLACK QUESTION MARK ORNAMENT}",
}
_SHOWN = 300


def card(record: Record) -> str:
    """Render the card: verdict, stages, first difference, versions, command."""
    return "\n\n".join(_sections(record)) + "\n"


def _sections(record: Record) -> Iterator[str]:
    first = record.evidence[0]
    tiny = ", tiny random weights" if first.tiny else ""
    yield f"### Parity with HuggingFace: {_quote(record.model)}{tiny}"
    yield "\n".join(
        f"- {_MARKS[one.outcome]} **{NAMES[one.implementation]}** {escape(one_line(verdict(one)))}"
        for one in record.evidence
    )
    yield table(
        ["stage", *(NAMES[one.implementation] for one in record.evidence)],
        [[stage.value, *_row(record, stage)] for stage in Stage],
    )
    for one in record.evidence:
        if one.outcome is Outcome.FAILED:
            yield f"**{NAMES[one.implementation]}**\n\n{_fenced(_first_difference(one))}"
    yield _versions(first)
    yield f"Reproduce:\n\n{_fenced(record.command)}"


def _row(record: Record, stage: Stage) -> Iterator[str]:
    for one in record.evidence:
        result = stage_result(one, stage)
        yield f"{_MARKS[result.outcome]} {escape(_cut(one_line(stage_text(result))))}"


def _first_difference(evidence: Evidence) -> str:
    if evidence.divergence is not None:
        return "\n".join(divergence_lines(evidence.divergence))
    return f"first difference at {evidence.first_failure}"


def _versions(evidence: Evidence) -> str:
    environment = evidence.environment
    return (
        f"transformers {environment.transformers}, vLLM {environment.vllm}, torch "
        f"{environment.torch}, {environment.device}, {environment.dtype}; mmport "
        f"{environment.mmport}"
    )


def _fenced(text: str) -> str:
    """Set lines as they are; a fence is longer than any run of backticks in them."""
    body = "\n".join(_cut(_printable(line)) for line in text.splitlines())
    fence = "```"
    while fence in body:
        fence += "`"
    return f"{fence}text\n{body}\n{fence}"


def _printable(line: str) -> str:
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in line)


def _quote(text: str) -> str:
    return code_span(one_line(text))


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}\N{HORIZONTAL ELLIPSIS}"
