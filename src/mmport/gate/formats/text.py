"""Findings for a person: what and where, and what to do."""

from __future__ import annotations

import io

from rich.console import Console, Group, RenderableType
from rich.text import Text

from mmport.gate.checking import Checked
from mmport.model.finding import Finding, Severity

_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: "cyan"}


def page(checked: Checked, *, strict: bool = False) -> RenderableType:
    """Lay findings out, with what they come to in the last line."""
    style = "red" if checked.fails(strict=strict) else "green"
    return Group(*map(_entry, checked.findings), Text(summary(checked), style=style))


def plain(checked: Checked, *, strict: bool = False) -> str:
    """Write the page as text without colours or line breaks of its own."""
    sheet = Console(file=io.StringIO(), width=10**4, color_system=None)
    with sheet.capture() as caught:
        sheet.print(page(checked, strict=strict), soft_wrap=True)
    return caught.get()


def summary(checked: Checked) -> str:
    """Say in a line what was checked and what was found."""
    errors, warnings = checked.count(Severity.ERROR), checked.count(Severity.WARNING)
    what = [_counted(checked.ports, "port"), _counted(checked.files, "file")]
    found = [_counted(errors, "error") or "no errors", _counted(warnings, "warning")]
    if checked.silenced:
        found.append(f"{checked.silenced} silenced by comments")
    things = " and ".join(filter(None, what)) or "nothing"
    return f"{things} checked: {', '.join(filter(None, found))}"


def _counted(count: int, noun: str) -> str:
    return {0: "", 1: f"1 {noun}"}.get(count, f"{count} {noun}s")


def _entry(finding: Finding) -> Text:
    spot = (finding.line, finding.column)
    place = ":".join([finding.file, *(str(number) for number in spot if number)])
    first, *rest = finding.message.split("\n")
    return Text.assemble(
        (f"{finding.severity.value:<8}", _COLOURS[finding.severity]),
        (f"{finding.rule}  ", "bold"),
        place,
        f"  on vLLM {finding.target}" if finding.target else "",
        f"\n        {first}",
        *(f"\n        {line}" for line in rest),
        (f"\n        fix: {finding.fix}" if finding.fix else "", "dim"),
        "\n",
    )
