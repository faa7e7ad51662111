"""`mmport rewrite`: multimodal support for an existing text-only class."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mmport.cli.options import FormatOption, RevisionOption, TargetOption, TrustOption
from mmport.core.output import Format

if TYPE_CHECKING:
    from rich.text import Text

    from mmport.workflows.rewrite import RewriteResult


def command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A text-only model file of vLLM.")],
    *,
    model: Annotated[
        str | None,
        typer.Option("--model", metavar="MODEL", help="The model that the class is to serve."),
    ] = None,
    spec: Annotated[
        Path | None,
        typer.Option("--spec", metavar="FILE", help="A spec saved by inspect, in place of MODEL."),
    ] = None,
    class_name: Annotated[
        str | None,
        typer.Option("--class", metavar="NAME", help="The class, where the file has several."),
    ] = None,
    mapper: Annotated[
        str,
        typer.Option(
            "--mapper",
            metavar="NAME",
            help="A function of the file that maps items to tensors; first multimodal API only.",
        ),
    ] = "",
    target_vllm: TargetOption = None,
    diff: Annotated[
        bool, typer.Option("--diff", help="Show what would change; this is the default.")
    ] = False,
    write: Annotated[bool, typer.Option("--write", help="Change the file.")] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Only say whether anything would change.")
    ] = False,
    revision: RevisionOption = None,
    trust_remote_code: TrustOption = False,
    format: FormatOption = Format.TEXT,  # noqa: A002 - the option's name
) -> None:
    """Add multimodal support to a text-only vLLM class.

    The class gains what serves MODEL's images: its encoder and connector, the
    processing of items, the names of its weights. What is there already is left
    alone, so that a second run changes nothing. By default the change is shown
    and nothing is written.

    Exit code 1 with --check if the file would change.
    """
    from mmport.core.errors import Usage
    from mmport.core.output import Sink
    from mmport.workflows.rewrite import RewriteRequest, run_rewrite

    if diff + write + check > 1:
        raise Usage("--diff, --write and --check exclude each other", "name one of them")
    request = RewriteRequest(
        file=file,
        model=model,
        spec=spec,
        class_name=class_name,
        mapper=mapper,
        target_vllm=target_vllm,
        revision=revision,
        trust_remote_code=trust_remote_code,
    )
    sink = Sink(format)
    result = run_rewrite(request, write=write)
    if write or check:
        sink.result(result, _page(result))
    else:
        from mmport.cli.diffs import print_diff

        for line in _steps(result):
            sink.say(line)
        print_diff(result, result.diff, sink)
    if check and result.would_change:
        raise typer.Exit(1)


def _page(result: RewriteResult) -> Text:
    from rich.text import Text

    lines = [f"{result.file}: {result.class_name} for {result.architecture} on vLLM"]
    lines[0] += f" {result.target}"
    lines += _steps(result)
    if not result.would_change:
        lines.append("nothing to do")
    elif result.written:
        lines.append(f"\nnext: mmport verify MODEL --port {result.file} --tiny")
    return Text("\n".join(lines))


def _steps(result: RewriteResult) -> list[str]:
    return [
        f"  {one.step:<18} {one.outcome:<10} {one.message}".rstrip()
        for one in result.steps
        if one.outcome != "unchanged"
    ]
