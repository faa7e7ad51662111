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
    from mmport.gate.config import Overrides

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
    bool, typer.Option("--fix", help="First mend in the files what can be mended safely.")
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
    releases it is for; with --fix that is mended first, as far as nobody has to
    look at it and none of these releases is worse off. The table tool.mmport of
    pyproject.toml configures it. Exits with 1 if an error is left.
    """
    if rules or explain is not None:
        from mmport.cli.rules import show_rules

        show_rules(explain, format)
        return
    from mmport.gate.checking import check_paths
    from mmport.gate.config import Overrides

    overrides = Overrides(_given(target_vllm), _given(select), _given(ignore))
    if fix:
        _fix(paths or (), overrides)
    checked = check_paths(paths or (), overrides, jobs=jobs)
    show(checked, format, strict=strict)
    if checked.fails(strict=strict):
        raise typer.Exit(1)


def _fix(paths: Sequence[Path], overrides: Overrides) -> None:
    from mmport.workflows.fixing import fix_paths

    for fixed in fix_paths(paths, overrides):
        names = ", ".join(one.id for one in fixed.applied)
        Sink().say(f"fixed {fixed.file}: {names}")


def show(checked: Checked, how: CheckFormat, *, strict: bool) -> None:
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
        Sink(Format(how.value)).result(document, page(checked, strict=strict))


def _given(values: Sequence[str] | None) -> tuple[str, ...] | None:
    """Give the values of an option; several may be in one, with commas between."""
    if not values:
        return None
    return tuple(part.strip() for value in values for part in value.split(",") if part.strip())
