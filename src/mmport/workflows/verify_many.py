"""Prove one model after the other in processes that have imported their engines already."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from mmport.core.errors import MmportError
from mmport.core.output import Progress, Sink
from mmport.engines.discover import find_engine
from mmport.engines.supervise import RunJobs, run_jobs
from mmport.model.evidence import Evidence
from mmport.workflows.old_engines import is_old
from mmport.workflows.verify import VerifyOptions, prove, verify
from mmport.workflows.warm import warm_jobs

_AT_ONCE = 2
"""Models that are under way at a time: while one waits for a file, another computes."""


@dataclass(frozen=True, slots=True)
class Results:
    """The evidence of all models that could be compared, and why the others could not."""

    evidence: tuple[Evidence, ...]
    errors: tuple[tuple[str, MmportError], ...] = ()


def verify_many(models: Sequence[str], options: VerifyOptions, sink: Sink) -> Results:
    """Compare implementations of each model with HF; reports go to a folder each.

    A model that cannot be compared does not keep the others from it.

    Raises:
        MmportError: there is no engine; of a single model, all that can be wrong with it.
    """
    if len(models) == 1:
        return Results(verify(models[0], options, sink))
    engines = find_engine(options.vllm_python, options.hf_python)
    asked = list(zip(models, _reports(models, options), strict=True))
    # A process that has forked cannot use a GPU in its children, and no old engine forks.
    if options.gpu or is_old(engines):
        with sink.progress("verify") as progress:
            return _together(models, [_one(*one, sink, progress, run_jobs) for one in asked])
    with (
        sink.progress("verify") as progress,
        warm_jobs(engines.hf, engines.vllm, 2 * _AT_ONCE) as run,
        ThreadPoolExecutor(_AT_ONCE, "verify") as threads,
    ):
        waiting = [threads.submit(_one, *one, sink, progress, run) for one in asked]
        return _together(models, [one.result() for one in waiting])


def _one(
    model: str, options: VerifyOptions, sink: Sink, progress: Progress, run: RunJobs
) -> tuple[Evidence, ...] | MmportError:
    name = Path(model).name
    mine = Progress(name, lambda line: progress.step(f"{name}: {line}"))
    try:
        return prove(model, options, sink, mine, run)
    except MmportError as error:
        return error


def _together(
    models: Sequence[str], results: Sequence[tuple[Evidence, ...] | MmportError]
) -> Results:
    pairs = list(zip(models, results, strict=True))
    return Results(
        tuple(one for _, found in pairs if isinstance(found, tuple) for one in found),
        tuple((model, error) for model, error in pairs if isinstance(error, MmportError)),
    )


def _reports(models: Sequence[str], options: VerifyOptions) -> list[VerifyOptions]:
    """Give each model a folder of its own below the one for reports."""
    if options.report is None:
        return [options] * len(models)
    names = [Path(model).name for model in models]
    return [
        replace(
            options, report=options.report / (name if names.count(name) == 1 else f"{name}-{n}")
        )
        for n, name in enumerate(names)
    ]
