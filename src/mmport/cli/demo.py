"""`mmport demo`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mmport.cli.options import FormatOption, HfPythonOption, VllmPythonOption
from mmport.core.output import Format, Sink


def command(
    *,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="DIR", help="Keep the model and the port there."),
    ] = None,
    side_by_side: Annotated[
        bool,
        typer.Option("--side-by-side", help="Put vLLM's own class and backend beside the port."),
    ] = False,
    vllm_python: VllmPythonOption = None,
    hf_python: HfPythonOption = None,
    format: FormatOption = Format.TEXT,  # noqa: A002 - the option's name
) -> None:
    """Port the embedded reference LLaVA and prove the port on the CPU."""
    from mmport.cli.proof import show
    from mmport.workflows.demo import run_demo

    sink = Sink(format)
    evidence = run_demo(
        output,
        vllm_python=vllm_python,
        hf_python=hf_python,
        sink=sink,
        side_by_side=side_by_side,
    )
    show(evidence, sink)
