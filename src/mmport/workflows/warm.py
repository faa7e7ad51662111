"""What a process imports that is to be forked for one model after the other."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from mmport.engines.supervise import Job, JobResult, OnPhase, RunJobs
from mmport.engines.warm import WarmPool
from mmport.verification.jobs import engine_constants, quiet_environment

# Importing `transformers` or `vllm` alone puts most of it off to the first use.
_HF_IMPORTS = (
    "torch",
    "transformers.modeling_utils",
    "transformers.processing_utils",
    "transformers.image_processing_utils",
    "transformers.models.auto.modeling_auto",
    "transformers.models.auto.processing_auto",
)
_VLLM_IMPORTS = (
    *_HF_IMPORTS,
    "vllm.entrypoints.llm",
    "vllm.v1.worker.cpu_worker",
    "vllm.model_executor.models.transformers",
)


def hf_pool(python: Path, size: int) -> WarmPool:
    """A warm process for HF's side; `size` jobs at once."""
    return WarmPool(python, _HF_IMPORTS, quiet_environment(), size)


def vllm_pool(python: Path, size: int) -> WarmPool:
    """A warm process for the engine's side, which has all of HF's too."""
    return WarmPool(python, _VLLM_IMPORTS, engine_constants(), size)


@contextmanager
def warm_jobs(hf: Path, vllm: Path, size: int) -> Iterator[RunJobs]:
    """Give what runs jobs of both sides in warm processes: one, where the Python is the same."""
    with ExitStack() as stack:
        pools = {vllm: stack.enter_context(vllm_pool(vllm, size))}
        if hf not in pools:
            pools[hf] = stack.enter_context(hf_pool(hf, size))

        def run(
            jobs: Sequence[Job],
            *,
            timeout: float,
            progress: OnPhase | None = None,
            parallel: bool = True,
            fail_fast: Collection[str] = (),
        ) -> dict[str, JobResult]:
            results: dict[str, JobResult] = {}
            for python in dict.fromkeys(job.python for job in jobs):
                mine = [job for job in jobs if job.python == python]
                results |= pools[python].run_jobs(
                    mine, timeout=timeout, progress=progress, parallel=parallel, fail_fast=fail_fast
                )
                if any(name in results and results[name].error for name in fail_fast):
                    break
            return results

        yield run
