"""`mmport verify`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from mmport.cli.options import (
    FormatOption,
    HfPythonOption,
    ModelsArgument,
    RevisionOption,
    TrustOption,
    VllmPythonOption,
    only,
)
from mmport.core.output import Format, Sink
from mmport.model.evidence import Stage


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
    models: ModelsArgument,
    port: Annotated[
        Path | None,
        typer.Option(
            "--port", metavar="PATH", help="The port to prove, or a file with a model class."
        ),
    ] = None,
    class_name: Annotated[
        str, typer.Option("--class", metavar="NAME", help="The class, where a file has several.")
    ] = "",
    impl: Annotated[
        list[Impl] | None,
        typer.Option("--impl", help="What to compare with HF; repeat to see them side by side."),
    ] = None,
    tiny: Annotated[
        bool,
        typer.Option("--tiny", help="Shrink the config and seed random weights: no download."),
    ] = False,
    gpu: Annotated[bool, typer.Option("--gpu", help="Run both sides on CUDA.")] = False,
    dtype: Annotated[
        Dtype | None,
        typer.Option("--dtype", help="Of both sides; float32, and bfloat16 with --gpu."),
    ] = None,
    compiled: Annotated[
        bool,
        typer.Option(
            "--compiled",
            help="Ask an engine with torch.compile, and CUDA graphs, as well; with --gpu always.",
        ),
    ] = False,
    gpu_memory: Annotated[
        float,
        typer.Option("--gpu-memory", min=0.05, max=1.0, help="The engine's share of the GPU's."),
    ] = 0.5,
    timeout: Annotated[
        float, typer.Option("--timeout", min=1.0, help="Seconds that each side is given.")
    ] = 400.0,
    report: Annotated[
        Path | None,
        typer.Option("--report", metavar="DIR", help="Write JSON, a page, JUnit and a card there."),
    ] = None,
    stages: Annotated[
        list[Stage] | None,
        typer.Option("--stages", help="Judge these stages alone; repeat for several."),
    ] = None,
    scenarios: Annotated[
        list[str] | None,
        typer.Option(
            "--scenarios",
            metavar="NAME",
            help="Ask these scenarios alone; repeat for several. A wrong name lists them.",
        ),
    ] = None,
    tp: Annotated[
        int,
        typer.Option("--tp", metavar="N", min=1, help="Ask an engine over N ranks as well."),
    ] = 1,
    self_test: Annotated[
        bool,
        typer.Option("--self-test", help="Put faults into it and see which ones are noticed."),
    ] = False,
    self_test_limit: Annotated[
        int | None,
        typer.Option(
            "--self-test-limit",
            metavar="N",
            min=0,
            help="Faults that are tried, balanced over their kinds; 0 for all.",
            show_default="300",
        ),
    ] = None,
    revision: RevisionOption = None,
    trust_remote_code: TrustOption = False,
    vllm_python: VllmPythonOption = None,
    hf_python: HfPythonOption = None,
    format: FormatOption = Format.TEXT,  # noqa: A002 - the option's name
) -> None:
    """Compare HuggingFace and vLLM stage by stage and name the first difference.

    Several models are compared in processes that import their engines once.

    Exit code 1 if the port differs from HuggingFace, or, without a port, if
    anything does.
    """
    from mmport.cli.proof import show
    from mmport.cli.self_test import run as run_self_test
    from mmport.workflows.verify import VerifyOptions
    from mmport.workflows.verify_many import verify_many

    options = VerifyOptions(
        implementations=tuple(one.value for one in impl or ()),
        port=port,
        class_name=class_name,
        revision=revision,
        trust_remote_code=trust_remote_code,
        tiny=tiny,
        gpu=gpu,
        dtype=dtype.value if dtype else "",
        compiled=compiled,
        memory=gpu_memory,
        timeout=timeout,
        vllm_python=vllm_python,
        hf_python=hf_python,
        report=report,
        stages=tuple(stages or ()),
        scenarios=tuple(scenarios or ()),
        tp=tp,
    )
    sink = Sink(format)
    if self_test or self_test_limit is not None:
        run_self_test(only(models, "--self-test"), options, sink, self_test_limit)
        return
    found = verify_many(models, options, sink)
    show(found.evidence, sink, found.errors)
