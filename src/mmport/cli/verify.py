"""`mmport verify`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from mmport.cli.options import (
    FormatOption,
    HfPythonOption,
    ModelArgument,
    RevisionOption,
    TrustOption,
    VllmPythonOption,
)
from mmport.core.output import Format, Sink


class Impl(StrEnum):
    """The implementations that can be put beside HF."""

    PORT = "port"
    IN_TREE = "in-tree"
    TRANSFORMERS = "transformers"


class Dtype(StrEnum):
    """The dtypes that bounds are known for."""

    FLOAT32 = "float32"
    FLOAT16 = "float16"
    BFLOAT16 = "bfloat16"


def command(
    *,
    model: ModelArgument,
    port: Annotated[
        Path | None, typer.Option("--port", metavar="DIR", help="The port to prove.")
    ] = None,
    impl: Annotated[
        list[Impl] | None,
        typer.Option("--impl", help="What to compare with HF; repeat to see them side by side."),
    ] = None,
    tiny: Annotated[
        bool,
        typer.Option("--tiny", help="Shrink the config and seed random weights: no download."),
    ] = False,
    gpu: Annotated[bool, typer.Option("--gpu", help="Run both sides on CUDA.")] = False,
    dtype: Annotated[Dtype, typer.Option("--dtype", help="Of both sides.")] = Dtype.FLOAT32,
    timeout: Annotated[
        float, typer.Option("--timeout", min=1.0, help="Seconds that each side is given.")
    ] = 400.0,
    report: Annotated[
        Path | None,
        typer.Option("--report", metavar="DIR", help="Write the evidence there as well."),
    ] = None,
    revision: RevisionOption = None,
    trust_remote_code: TrustOption = False,
    vllm_python: VllmPythonOption = None,
    hf_python: HfPythonOption = None,
    format: FormatOption = Format.TEXT,  # noqa: A002 - the option's name
) -> None:
    """Compare HuggingFace and vLLM stage by stage and name the first difference.

    Exit code 1 if the port differs from HuggingFace, or, without a port, if
    anything does.
    """
    from mmport.cli.proof import show
    from mmport.workflows.verify import VerifyOptions, verify

    options = VerifyOptions(
        implementations=tuple(one.value for one in impl or ()),
        port=port,
        revision=revision,
        trust_remote_code=trust_remote_code,
        tiny=tiny,
        gpu=gpu,
        dtype=dtype.value,
        timeout=timeout,
        vllm_python=vllm_python,
        hf_python=hf_python,
        report=report,
    )
    sink = Sink(format)
    show(verify(model, options, sink), sink)
