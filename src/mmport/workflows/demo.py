"""The whole way on the embedded reference model: build, scaffold, verify."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmport.core.errors import TargetUnwritable
from mmport.core.output import Progress, Sink
from mmport.engines.discover import find_engine
from mmport.model.evidence import Evidence, Implementation
from mmport.model.facts import CARD
from mmport.reference_models.named import DEFAULT
from mmport.workflows import scaffold
from mmport.workflows.reference import build_tiny
from mmport.workflows.verify import VerifyOptions, verify

_SIDE_BY_SIDE: tuple[Implementation, ...] = ("port", "in-tree", "transformers")


def run_demo(
    output: Path | None,
    *,
    vllm_python: Path | None,
    hf_python: Path | None,
    sink: Sink,
    side_by_side: bool = False,
) -> tuple[Evidence, ...]:
    """Build the reference LLaVA, port it, and compare the port with HF.

    Args:
        output: a folder to keep the model and the port in; None: nothing is kept.
        vllm_python: of an environment with vLLM; None to look for one.
        hf_python: of an environment with transformers; None for vLLM's.
        sink: where progress is told.
        side_by_side: put vLLM's own class and its Transformers backend beside it.

    Raises:
        MmportError: there is no engine, or a worker died.
    """
    engines = find_engine(vllm_python, hf_python)
    with _folder(output) as folder:
        with sink.progress("demo") as progress:
            model = _build(folder / "model", engines.hf, progress)
            progress.step("scaffolding its port")
            request = scaffold.Request(str(model), folder / "port")
            scaffold.write(scaffold.prepare(request))
        options = VerifyOptions(
            implementations=_SIDE_BY_SIDE if side_by_side else ("port",),
            port=folder / "port",
            vllm_python=engines.vllm,
            hf_python=engines.hf,
        )
        return verify(str(model), options, sink)


def _build(model: Path, python: Path, progress: Progress) -> Path:
    """Build the reference model in a folder that is free, or that an earlier demo made."""
    if model.exists() and not (model / CARD).is_file():
        raise TargetUnwritable(
            f"{model} is there, and no demo made it", "choose another folder with -o"
        )
    return build_tiny(
        DEFAULT,
        python=python,
        out=model,
        progress=lambda phase: progress.step(f"reference model: {phase}"),
    )


@contextmanager
def _folder(output: Path | None) -> Iterator[Path]:
    if output is not None:
        yield output
        return
    with tempfile.TemporaryDirectory(prefix="mmport-demo-") as folder:
        yield Path(folder)
