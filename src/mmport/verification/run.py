"""Starts both sides and has their answers judged: `verify` without its surroundings."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from mmport import __version__
from mmport.core.errors import WorkerFailed
from mmport.core.files import write_text
from mmport.core.output import Progress
from mmport.engines.supervise import Job, JobResult, RunJobs, WorkerError, run_jobs
from mmport.model.evidence import EVIDENCE_SCHEMA, Environment, Evidence
from mmport.verification.bounds import make_bounds
from mmport.verification.jobs import REFERENCE, Setup, question_key, reference_job, subject_job
from mmport.verification.noise import measure_noise
from mmport.verification.other_engines import (
    OtherEngine,
    judge_other,
    other_engines,
    other_job,
)
from mmport.verification.referee import (
    describe,
    first_failure,
    is_about_the_subject,
    judge,
    outcome,
    required_stages,
)
from mmport.verification.stage_files import StageFiles
from mmport.verification.subjects import Subject

__all__ = ["REFERENCE", "Setup", "compare", "compare_with", "compute_reference", "evidence_of"]

_KEY = "questions.json"


def compute_reference(
    setup: Setup, *, run: RunJobs = run_jobs, progress: Progress | None = None
) -> Path:
    """Have HF answer everything, once for any number of subjects.

    Returns:
        The folder of its answers, `setup.work / REFERENCE`, for `compare_with`;
        it may be kept and used from another process.

    Raises:
        WorkerFailed: HF could not compute the reference.
    """
    job = reference_job(setup)
    _clear(job)
    results = run([job], timeout=setup.timeout, progress=_tell(progress))
    require_reference(results[REFERENCE])
    return _signed(setup, job.out)


def compare_with(
    reference: Path,
    setup: Setup,
    subject: Subject,
    *,
    run: RunJobs = run_jobs,
    progress: Progress | None = None,
) -> Evidence:
    """Run one subject against a reference that was computed before.

    Args:
        reference: what `compute_reference` gave for the same checkpoint and facts.
        setup: as it was then, but for `work` and `timeout`.
        subject: what is put to the test.
        run: what runs the job.
        progress: told each phase.

    Raises:
        WorkerFailed: the reference answers other questions, or the worker died.
    """
    _require_same_questions(reference, setup)
    job = subject_job(setup, subject, reference)
    _clear(job)
    result = run([job], timeout=setup.timeout, progress=_tell(progress))[job.name]
    require_engine(result)
    return evidence_of(setup, subject, reference, result)


def compare(
    setup: Setup,
    subjects: Sequence[Subject],
    progress: Progress | None = None,
    *,
    run: RunJobs = run_jobs,
) -> tuple[Evidence, ...]:
    """Run the reference once and every subject against it.

    The reference and the first subject run side by side; further subjects
    follow one by one, as each is an engine that wants the machine.

    Raises:
        WorkerFailed: the reference could not be computed, or a worker died.
    """
    reference, engines = reference_job(setup), other_engines(setup)
    jobs = [subject_job(setup, subject, reference.out) for subject in subjects]
    limits: dict[str, Any] = {"timeout": setup.timeout, "progress": _tell(progress)}
    others = {
        subject: [(one, other_job(setup, subject, reference.out, one)) for one in engines]
        for subject in subjects
    }
    further = [job for pairs in others.values() for _, job in pairs]
    for job in (reference, *jobs, *further):
        _clear(job)
    # On a GPU an engine measures what memory is free, and nobody may change that.
    results = run([reference, *jobs[:1]], fail_fast=(REFERENCE,), parallel=not setup.gpu, **limits)
    require_reference(results[REFERENCE])
    _signed(setup, reference.out)
    for job in (*jobs[1:], *further):
        results |= run([job], **limits)
    for job in jobs:
        require_engine(results[job.name])
    return tuple(
        evidence_of(
            setup,
            subject,
            reference.out,
            results[job.name],
            [(one, results[other.name]) for one, other in others[subject]],
        )
        for subject, job in zip(subjects, jobs, strict=True)
    )


def _clear(job: Job) -> None:
    """Remove the answers of an earlier run: they would be waited for, or judged."""
    for stale in (*job.out.glob("*.json"), *job.out.glob("*.safetensors")):
        stale.unlink()


def _tell(progress: Progress | None) -> Callable[[str, str], None]:
    def tell(name: str, phase: str) -> None:
        if progress is not None:
            progress.step(f"{name}: {phase}")

    return tell


def _signed(setup: Setup, folder: Path) -> Path:
    """Leave a mark of the questions that the answers are for."""
    write_text(folder / _KEY, json.dumps({"key": question_key(setup)}))
    return folder


def _require_same_questions(reference: Path, setup: Setup) -> None:
    path = reference / _KEY
    key = json.loads(path.read_text(encoding="utf-8"))["key"] if path.is_file() else None
    if key != question_key(setup):
        raise WorkerFailed(
            f"the reference in {reference} answers other questions than are asked now",
            "compute the reference again",
        )


def require_reference(result: JobResult) -> None:
    """See that HF answered; raises `WorkerFailed` where it did not."""
    if result.error is not None:
        raise _side_failed(
            "HF could not compute the reference",
            result.error,
            f"see that the model runs in transformers by itself; the log is {result.log}",
        )


def require_engine(result: JobResult) -> None:
    """See that the engine itself works; what an implementation did to it is for the judges."""
    if result.error is not None and not is_about_the_subject(result.error):
        raise _side_failed(
            f"the engine of {result.name} does not work",
            result.error,
            f"`mmport doctor` checks the environment; the log is {result.log}",
        )


def _side_failed(what: str, error: WorkerError, hint: str) -> WorkerFailed:
    message = f"{what}, {error.phase}: {error.type}: {error.message}"
    return WorkerFailed(message, hint, details=error.traceback)


def evidence_of(
    setup: Setup,
    subject: Subject,
    reference: Path,
    candidate: JobResult,
    others: Sequence[tuple[OtherEngine, JobResult]] = (),
) -> Evidence:
    """Judge what a subject's engines answered; the first is the usual one."""
    noise = measure_noise(StageFiles(reference), setup.run_dtype)
    bounds = make_bounds(setup.run_dtype, noise.floors)
    judgement = judge(
        StageFiles(reference),
        StageFiles(candidate.log.parent),
        setup.asked.scenarios,
        setup.facts,
        bounds,
        candidate.error,
        [
            measurement
            for other, result in others
            for measurement in judge_other(setup, other, StageFiles(reference), result, bounds)
        ],
    )
    stages = setup.selection.judged(judgement.stages)
    failure = first_failure(stages)
    required = setup.selection.required(required_stages(setup.facts), setup.asked)
    return Evidence(
        schema=EVIDENCE_SCHEMA,
        implementation=subject.implementation,
        model=setup.name,
        revision=setup.revision,
        tiny=setup.tiny,
        files=subject.files,
        environment=_environment(setup, reference, candidate),
        stages=stages,
        outcome=outcome(stages, required),
        first_failure=describe(failure) if failure else "",
        architecture=setup.facts.architecture,
        required=required,
        divergence=judgement.divergence,
        modules=judgement.modules,
        noise=noise.variants,
    )


def _environment(setup: Setup, reference: Path, candidate: JobResult) -> Environment:
    hf = json.loads((reference / "result.json").read_text(encoding="utf-8"))
    vllm = candidate.result or {}
    return Environment(
        mmport=__version__,
        python=vllm.get("python", "unknown"),
        vllm=vllm.get("vllm", setup.vllm_version),
        torch=vllm.get("torch", "unknown"),
        transformers=hf.get("transformers", "unknown"),
        device="cuda" if setup.gpu else "cpu",
        dtype=setup.run_dtype,
        hf_python=hf.get("python", "unknown"),
        hf_torch=hf.get("torch", "unknown"),
        hf_attention=hf.get("attention", ""),
    )
