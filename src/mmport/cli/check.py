"""`mmport check`: the gate on ports and model files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mmport.core.output import Format, Sink
from mmport.gate.formats import CheckFormat

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mmport.gate.checking import Checked
    from mmport.workflows.fixing import Fixed

CHECK_SCHEMA = "mmport.check/1"

PathsArgument = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="PATH...", help="Folders of ports, Python files, and folders that hold some."
    ),
]
TargetsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--target-vllm", metavar="V", help="A vLLM release to check for; may be repeated."
    ),
]
SelectOption = Annotated[
    list[str] | None,
    typer.Option("--select", metavar="RULE", help="Look for this rule alone; may be repeated."),
]
IgnoreOption = Annotated[
    list[str] | None,
    typer.Option("--ignore", metavar="RULE", help="Don't look for this rule; may be repeated."),
]
StrictOption = Annotated[bool, typer.Option("--strict", help="Warnings count as errors.")]
JobsOption = Annotated[
    int,
    typer.Option("--jobs", "-j", min=1, metavar="N", help="How many processes look at files."),
]
FixOption = Annotated[
    bool, typer.Option("--fix", help="Mend what safe changes of mmport migrate mend, then check.")
]
RulesOption = Annotated[bool, typer.Option("--rules", help="List all rules, and check nothing.")]
ExplainOption = Annotated[
    str | None,
    typer.Option("--explain", metavar="RULE", help="Explain a rule, and check nothing."),
]
CheckFormatOption = Annotated[
    CheckFormat, typer.Option("--format", help="How to print the findings.")
]


def command(
    paths: PathsArgument = None,
    *,
    target_vllm: TargetsOption = None,
    select: SelectOption = None,
    ignore: IgnoreOption = None,
    strict: StrictOption = False,
    jobs: JobsOption = 1,
    fix: FixOption = False,
    format: CheckFormatOption = CheckFormat.TEXT,  # noqa: A002 - the option's name
    rules: RulesOption = False,
    explain: ExplainOption = None,
) -> None:
    """Check ports and model files, without a network and without an engine.

    Of a port: that its files are as generated or accepted, that the lock still
    generates them, that they are clean, and that there is evidence that passed
    for exactly these files. Of any Python file: what it asks of the vLLM
    releases it is for. The table tool.mmport of pyproject.toml configures it. With
    --fix, files that are no port's are mended first where that brings no new finding
    on any of the releases. Exits with 1 if there is an error, or one is left.
    """
    if rules or explain is not None:
        from mmport.cli.rules import show_rules

        show_rules(explain, format)
        return
    from mmport.gate.checking import check_paths
    from mmport.gate.config import Overrides

    overrides = Overrides(_given(target_vllm), _given(select), _given(ignore))
    fixed: tuple[Fixed, ...] = ()
    if fix:
        from mmport.workflows.fixing import fix_paths

        fixed = fix_paths(paths or (), overrides)
        _show_fixed(fixed)
    checked = check_paths(paths or (), overrides, jobs=jobs)
    show(checked, format, strict=strict, fixed=fixed if fix else None)
    if checked.fails(strict=strict):
        raise typer.Exit(1)


def _show_fixed(fixed: Sequence[Fixed]) -> None:
    for one in fixed:
        Sink().say(f"fixed {one.file}")
        for applied in one.applied:
            Sink().say(f"  {applied.id:<24} {applied.summary}")


def show(
    checked: Checked, how: CheckFormat, *, strict: bool, fixed: Sequence[Fixed] | None = None
) -> None:
    """Print what was found."""
    from mmport.gate.formats.text import page, summary

    if how is CheckFormat.SARIF:
        from mmport.gate.formats.sarif import sarif_log
        from mmport.gate.registry import RULES

        Sink().document(sarif_log(checked, RULES, Path.cwd()))
    elif how is CheckFormat.GITHUB:
        from mmport.gate.formats.github import commands

        for line in commands(checked, Path.cwd()):
            Sink().line(line)
        Sink().say(summary(checked))
    else:
        document = {"schema": CHECK_SCHEMA, "findings": checked.findings}
        if fixed is not None:
            document["fixed"] = tuple(fixed)
        Sink(Format(how.value)).result(document, page(checked, strict=strict))


def _given(values: Sequence[str] | None) -> tuple[str, ...] | None:
    """Give the values of an option; several may be in one, with commas between."""
    if not values:
        return None
    return tuple(part.strip() for value in values for part in value.split(",") if part.strip())
