"""`mmport check`: the gate on generated files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mmport.cli.options import FormatOption
from mmport.core.output import Format

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

    from mmport.model.finding import Finding

CHECK_SCHEMA = "mmport.check/1"

PortsArgument = Annotated[
    list[Path], typer.Argument(metavar="PATH...", help="The folders of one or more ports.")
]

_COLOURS = {"error": "red", "warning": "yellow", "note": "cyan"}


def command(
    paths: PortsArgument,
    *,
    format: FormatOption = Format.TEXT,  # noqa: A002 - the option's name
) -> None:
    """Check that ports are as generated or accepted, and proven as they are.

    Compares the files with mmport.lock, and the lock with what it generates
    now; looks at syntax and lint; and wants evidence that passed for exactly
    the files that are there. Needs no network and no engine. Exits with 1 if
    there is an error.
    """
    from mmport.core.output import Sink
    from mmport.gate.check import check_port
    from mmport.model.finding import Severity

    findings = tuple(finding for path in paths for finding in check_port(path))
    document = {"schema": CHECK_SCHEMA, "findings": findings}
    Sink(format).result(document, page(paths, findings))
    if any(finding.severity is Severity.ERROR for finding in findings):
        raise typer.Exit(1)


def page(paths: Sequence[Path], findings: Sequence[Finding]) -> RenderableType:
    """Lay findings out for a person: what and where, and what to do."""
    from rich.console import Group
    from rich.text import Text

    lines: list[RenderableType] = [_line(finding) for finding in findings]
    count = sum(finding.severity.value == "error" for finding in findings)
    noun = "port" if len(paths) == 1 else "ports"
    errors = {0: "no errors", 1: "1 error"}.get(count, f"{count} errors")
    lines.append(Text(f"{len(paths)} {noun} checked: {errors}", style="red" if count else "green"))
    return Group(*lines)


def _line(finding: Finding) -> Text:
    from rich.text import Text

    place = f"{finding.file}:{finding.line}" if finding.line else finding.file
    first, *rest = finding.message.split("\n")
    return Text.assemble(
        (f"{finding.severity.value:<8}", _COLOURS[finding.severity.value]),
        (f"{finding.rule}  ", "bold"),
        place,
        f"\n        {first}",
        *(f"\n        {line}" for line in rest),
        (f"\n        fix: {finding.fix}\n", "dim"),
    )
