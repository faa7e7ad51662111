"""Starts both sides and has their answers judged: `verify` without its surroundings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mmport import __version__
from mmport.core.errors import WorkerFailed
from mmport.core.output import Progress
from mmport.engines.supervise import Job, JobResult, WorkerError, run_jobs
from mmport.model.evidence import (
    EVIDENCE_SCHEMA,
    Environment,
    Evidence,
    Outcome,
    StageResult,
)
from mmport.model.spec import VlmSpec
from mmport.verification import cases
from mmport.verification.bounds import BOUNDS
from mmport.verification.referee import (
    describe,
    first_failure,
    is_about_the_subject,
    judge,
)
from mmport.verification.stage_files import StageFiles
from mmport.verification.subjects import Subject

REFERENCE = "reference"
_NEW_TOKENS = 16
_TOP_LOGPROBS = 20


@dataclass(frozen=True, slots=True)
class Setup:
    """Where and how the comparison runs.

    `model` is a folder with the checkpoint; `spec` was read from it; `name` and
    `revision` say what the user asked for, as the evidence does. `work` is
    a folder for the workers' files. `timeout` is in seconds, for each worker.
    """

    model: Path
    spec: VlmSpec
    name: str
    revision: str | None
    tiny: bool
    vllm_python: Path
    hf_python: Path
    work: Path
    dtype: str = "float32"
    gpu: bool = False
    timeout: float = 400.0
    vllm_version: str = "unknown"


def compare(
    setup: Setup, subjects: Sequence[Subject], progress: Progress | None = None
) -> tuple[Evidence, ...]:
    """Run the reference once and every subject against it.

    The reference and the first subject run side by side; further subjects
    follow one by one, as each is an engine that wants the machine.

    Raises:
        WorkerFailed: the reference could not be computed, or a worker died.
    """
    asked = _Questions.for_spec(setup.spec)
    reference_job = _reference_job(setup, asked)
    jobs = [_subject_job(setup, asked, subject) for subject in subjects]

    def tell(name: str, phase: str) -> None:
        if progress is not None:
            progress.step(f"{name}: {phase}")

    limits: dict[str, Any] = {"timeout": setup.timeout, "progress": tell}
    # On a GPU an engine measures what memory is free, and nobody may change that.
    results = run_jobs(
        [reference_job, *jobs[:1]], fail_fast=(REFERENCE,), parallel=not setup.gpu, **limits
    )
    _require_reference(results[REFERENCE])
    for job in jobs[1:]:
        results |= run_jobs([job], **limits)
    for job in jobs:
        _require_engine(results[job.name])
    return tuple(
        _evidence(setup, asked, subject, results[REFERENCE], results[job.name])
        for subject, job in zip(subjects, jobs, strict=True)
    )


@dataclass(frozen=True, slots=True)
class _Questions:
    processor_cases: tuple[cases.ProcessorCase, ...]
    scenarios: tuple[cases.Scenario, ...]

    @classmethod
    def for_spec(cls, spec: VlmSpec) -> _Questions:
        return cls(cases.processor_cases(spec), cases.scenarios(spec))


def _shared_payload(setup: Setup, asked: _Questions) -> dict[str, Any]:
    return {
        "model": str(setup.model.resolve()),
        "dtype": setup.dtype,
        "checkpoint_files": setup.spec.checkpoint.files if setup.spec.checkpoint else (),
        "connector": setup.spec.connector.path.rpartition(".")[2],
        "new_tokens": _NEW_TOKENS,
        "processor_cases": [asdict(case) for case in asked.processor_cases],
        "scenarios": [asdict(scenario) for scenario in asked.scenarios],
    }


def _reference_job(setup: Setup, asked: _Questions) -> Job:
    side = setup.spec.encoders[0].image_size
    payload = _shared_payload(setup, asked) | {
        "device": "cuda" if setup.gpu else "cpu",
        # HF's own definition: its other kernels leave things out (sdpa ignores the
        # softcap of Gemma 2's attention).
        "attention": "eager",
        "image_token_id": setup.spec.placeholders[0].token_id,
        "image_shape": [3, side, side],
    }
    out = setup.work / REFERENCE
    return Job(REFERENCE, setup.hf_python, "hf", payload, out, _quiet_environment())


def _subject_job(setup: Setup, asked: _Questions, subject: Subject) -> Job:
    length = cases.context_length(setup.spec, asked.scenarios, _NEW_TOKENS)
    reference = (setup.work / REFERENCE).resolve()
    payload = _shared_payload(setup, asked) | {
        "entry_point": subject.entry_point,
        "model_class": subject.model_class,
        "architecture": setup.spec.architecture,
        "model_impl": subject.model_impl,
        "max_model_len": length,
        "limit_mm_per_prompt": {"image": cases.most_images(asked.scenarios, asked.processor_cases)},
        "top_logprobs": _TOP_LOGPROBS,
        "engine_arguments": {"gpu_memory_utilization": 0.5} if setup.gpu else {},
        "features": str(reference / "features.safetensors"),
        "features_ended": str(reference / "error.json"),
    }
    name = subject.name
    environment = _engine_environment(setup, subject, length)
    return Job(name, setup.vllm_python, "vllm_engine", payload, setup.work / name, environment)


def _quiet_environment() -> dict[str, str]:
    """No hub and no telemetry: all that is needed lies in the model's folder."""
    return {
        "HF_HUB_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "TOKENIZERS_PARALLELISM": "false",
    }


def _engine_environment(setup: Setup, subject: Subject, length: int) -> dict[str, str]:
    environment = _quiet_environment() | {
        # In one process the model can be reached, and the start is quicker.
        "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
        # A port that is installed must not stand in for what is being tested.
        "VLLM_PLUGINS": "",
        "VLLM_NO_USAGE_STATS": "1",
        "VLLM_LOGGING_LEVEL": "WARNING",
    }
    if not setup.gpu:
        environment["VLLM_CPU_KVCACHE_SPACE"] = str(_cache_space(setup, length))
    if subject.folder is not None:
        environment["PYTHONPATH"] = str(subject.folder.resolve())
        # What runs is the source that was hashed, and nothing is left in its folder.
        environment["PYTHONPYCACHEPREFIX"] = str((setup.work / "bytecode").resolve())
    return environment


def _cache_space(setup: Setup, length: int) -> int:
    """GiB of key-value cache that the longest request needs, at most, and one more."""
    text = setup.spec.language_model
    element = 4 if setup.dtype == "float32" else 2
    return length * text.num_layers * 2 * text.hidden_size * element // 2**30 + 2


def _require_reference(result: JobResult) -> None:
    if result.error is not None:
        raise _side_failed(
            "HF could not compute the reference",
            result.error,
            f"see that the model runs in transformers by itself; the log is {result.log}",
        )


def _require_engine(result: JobResult) -> None:
    if result.error is not None and not is_about_the_subject(result.error):
        raise _side_failed(
            f"the engine of {result.name} does not work",
            result.error,
            f"`mmport doctor` checks the environment; the log is {result.log}",
        )


def _side_failed(what: str, error: WorkerError, hint: str) -> WorkerFailed:
    message = f"{what}, {error.phase}: {error.type}: {error.message}"
    return WorkerFailed(message, hint, details=error.traceback)


def _evidence(
    setup: Setup,
    asked: _Questions,
    subject: Subject,
    reference: JobResult,
    candidate: JobResult,
) -> Evidence:
    stages = judge(
        StageFiles(reference.log.parent),
        StageFiles(candidate.log.parent),
        asked.scenarios,
        setup.spec.encoders[0].path.rpartition(".")[2],
        BOUNDS[setup.dtype],
        candidate.error,
    )
    failure = first_failure(stages)
    return Evidence(
        schema=EVIDENCE_SCHEMA,
        implementation=subject.implementation,
        model=setup.name,
        revision=setup.revision,
        tiny=setup.tiny,
        files=subject.files,
        environment=_environment(setup, reference, candidate),
        stages=stages,
        outcome=_outcome(stages),
        first_failure=describe(failure) if failure else "",
        architecture=setup.spec.architecture,
    )


def _outcome(stages: Sequence[StageResult]) -> Outcome:
    """Passed only if every stage ran and passed."""
    if any(stage.outcome is Outcome.FAILED for stage in stages):
        return Outcome.FAILED
    complete = all(stage.outcome is Outcome.PASSED for stage in stages)
    return Outcome.PASSED if complete else Outcome.NOT_RUN


def _environment(setup: Setup, reference: JobResult, candidate: JobResult) -> Environment:
    hf, vllm = reference.result or {}, candidate.result or {}
    return Environment(
        mmport=__version__,
        python=vllm.get("python", "unknown"),
        vllm=vllm.get("vllm", setup.vllm_version),
        torch=vllm.get("torch", "unknown"),
        transformers=hf.get("transformers", "unknown"),
        device="cuda" if setup.gpu else "cpu",
        dtype=setup.dtype,
        hf_python=hf.get("python", "unknown"),
        hf_torch=hf.get("torch", "unknown"),
    )
