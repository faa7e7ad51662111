"""`mmport scaffold`: generate the port of a model."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mmport.cli.options import (
    FormatOption,
    HfPythonOption,
    ModelArgument,
    RevisionOption,
    TargetOption,
    TrustOption,
    VllmPythonOption,
)
from mmport.core.output import Format
from mmport.model.plan import Layout

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

    from mmport.core.output import Sink
    from mmport.model.plan import PortPlan
    from mmport.workflows.scaffold import Request, Scaffold

_COLOURS = {"new": "green", "outdated": "yellow", "merged": "yellow", "overwritten": "yellow"}
_COLOURS |= {"conflict": "red", "edited": "red", "obsolete": "magenta"}


def command(
    model: ModelArgument,
    *,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="The port's folder.")
    ],
    target_vllm: TargetOption = None,
    layout: Annotated[
        Layout, typer.Option(help="A plugin package to install, or the model's file alone.")
    ] = "plugin",
    modality_plugin: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Give MODEL's images under NAME, a modality of the port's own (vLLM to 0.8.4).",
        ),
    ] = "",
    verify: Annotated[
        bool,
        typer.Option("--verify", help="Prove it on small random weights before it is written."),
    ] = False,
    diff: Annotated[
        bool, typer.Option("--diff", help="Show what would change, and write nothing.")
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Only say whether anything would change.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Overwrite edited files that were not accepted.")
    ] = False,
    revision: RevisionOption = None,
    trust_remote_code: TrustOption = False,
    vllm_python: VllmPythonOption = None,
    hf_python: HfPythonOption = None,
    format: FormatOption = Format.TEXT,  # noqa: A002 - the option's name
) -> None:
    """Generate the port of a model, or bring one up to date.

    Writes a plugin for vLLM with a test, a README, and mmport.lock. A file that
    you edited is never overwritten without --force; edits that you accepted
    (`mmport accept`) are merged into what is generated. With --verify nothing is
    written unless the port is proven. With --diff or --check nothing is written
    at all, and the exit code is 1 if something would change.
    """
    from mmport.core.errors import Usage
    from mmport.core.output import Sink
    from mmport.workflows.scaffold import Request

    request = Request(
        model=model,
        folder=output,
        target_vllm=target_vllm,
        layout=layout,
        modality_plugin=modality_plugin,
        revision=revision,
        trust_remote_code=trust_remote_code,
        force=force,
    )
    sink = Sink(format)
    if diff or check:
        if verify:
            raise Usage("--verify needs the port to be written", "leave --diff and --check out")
        _compare(request, sink, show_diff=diff)
    else:
        _write(request, sink, (vllm_python, hf_python) if verify else None)


def _compare(request: Request, sink: Sink, *, show_diff: bool) -> None:
    from mmport.workflows.scaffold import prepare, preview

    with sink.progress("scaffold") as progress:
        result = preview(prepare(request, step=progress.step))
    if show_diff:
        for finding in result.findings:
            sink.say(f"{finding.file}: {finding.message}")
        from mmport.cli.diffs import print_diff

        print_diff(result, result.diff, sink)
    else:
        sink.result(result, page(result, request))
    if result.would_change:
        raise typer.Exit(1)


def _write(request: Request, sink: Sink, engines: tuple[Path | None, Path | None] | None) -> None:
    """Write the port; with `engines` (Pythons of vLLM and HF, if named), only once it is proven."""
    from mmport.workflows.scaffold import prepare, write, write_proven

    with sink.progress("scaffold") as progress:
        update = prepare(request, step=progress.step)
    result = write(update) if engines is None else write_proven(update, request, *engines, sink)
    sink.result(result, page(result, request))
    if result.findings or not result.written:
        raise typer.Exit(1)


def page(result: Scaffold, request: Request) -> RenderableType:
    """Lay the result out for a person: verdict, files, findings, what to do next."""
    from rich.console import Group
    from rich.text import Text

    lines: list[RenderableType] = [_verdict(result.plan), Text("")]
    for file in result.files:
        name = f"{result.folder}/{file.path}"
        lines.append(Text.assemble((f"{file.state:<12}", _COLOURS.get(file.state, "dim")), name))
    lines += [
        Text(f"\n{finding.file}: {finding.message}\n  {finding.fix}", style="red")
        for finding in result.findings
    ]
    if result.evidence:
        from mmport.verification.report import evidence_page

        lines += [Text(""), evidence_page(result.evidence)]
        if not result.written:
            text = f"\nthe port is not proven: nothing was written to {result.folder}"
            lines.append(Text(text, style="red"))
    elif result.written and not result.findings:
        lines.append(Text(f"\nnext: {_next_command(result, request)}"))
    return Group(*lines)


def _next_command(result: Scaffold, request: Request) -> str:
    words = ["mmport", "verify", request.model, "--port", result.folder, "--tiny"]
    if request.revision is not None:
        words += ["--revision", request.revision]
    if request.trust_remote_code:
        words.append("--trust-remote-code")
    return shlex.join(words)


def _verdict(plan: PortPlan) -> Text:
    from rich.text import Text

    from mmport.model.plan import Verdict

    advice = {
        Verdict.IN_TREE: "vLLM's own class serves this model as well",
        Verdict.BACKEND: "vLLM's Transformers backend serves this model as well",
        Verdict.PORT: "neither vLLM's own class nor its Transformers backend serves this model",
    }
    return Text(f"{plan.architecture} for vLLM {plan.target}: {advice[plan.verdict]}")
