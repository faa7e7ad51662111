"""Starts workers, watches them, and leaves none behind.

A worker may raise, die, hang or run out of memory; each is told apart here,
and in no case does a process of it survive.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmport.core.errors import WorkerHung
from mmport.core.files import write_text
from mmport.core.termination import termination_raises
from mmport.engines import postmortem, processes

WORKERS = Path(__file__).resolve().parents[1] / "workers"
CANCELLED = "Cancelled"
"""The `type` of the error of a job that was ended because another one failed."""

_POLL_SECONDS = 0.02
_OUTPUTS = ("result.json", "error.json", "progress.jsonl")

OnPhase = Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class Job:
    """One task for one worker.

    `out` is made if missing and holds all that the worker writes, its log
    included. `workers` is the folder that is run, another one only in tests.
    """

    name: str
    python: Path
    task: str
    payload: Mapping[str, object]
    out: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    workers: Path = WORKERS


@dataclass(frozen=True, slots=True)
class WorkerError:
    """The worker's own exception, cleanly reported."""

    phase: str
    type: str
    message: str
    traceback: str


@dataclass(frozen=True, slots=True)
class JobResult:
    """What became of a job: a result or an error, never both."""

    name: str
    result: dict[str, Any] | None
    error: WorkerError | None
    seconds: float
    log: Path


class _Worker:
    """A job that is running."""

    def __init__(self, job: Job, timeout: float) -> None:
        self.job = job
        self.phase = "starting"
        self._seen = 0
        self._start = time.monotonic()
        job.out.mkdir(parents=True, exist_ok=True)
        for name in _OUTPUTS:
            (job.out / name).unlink(missing_ok=True)
        description = {"task": job.task, "out": str(job.out.resolve()), "timeout": timeout}
        path = job.out / "job.json"
        write_text(path, json.dumps({**description, "payload": dict(job.payload)}))
        command = [str(job.python), str(job.workers), str(path.resolve())]
        self.process = processes.start(command, job.environment, self.log)

    @property
    def log(self) -> Path:
        return self.job.out / "worker.log"

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._start

    def new_phases(self) -> Iterator[str]:
        """Phases reported since the last call; a line still being written waits."""
        path = self.job.out / "progress.jsonl"
        if not path.exists():
            return
        with path.open("rb") as stream:
            stream.seek(self._seen)
            text = stream.read()
        whole = text[: text.rfind(b"\n") + 1]
        self._seen += len(whole)
        for line in whole.splitlines():
            self.phase = str(json.loads(line)["phase"])
            yield self.phase

    def outcome(self) -> JobResult:
        """Read what an ended worker left.

        Raises:
            WorkerOutOfMemory: killed by the system, or its own memory error.
            WorkerFailed: it ended with neither a result nor an error.
        """
        error = self._read("error.json")
        if error is not None:
            found = WorkerError(**error)
            if postmortem.is_memory_error(found.type, found.message):
                raise postmortem.out_of_memory(
                    self.job.name, found.phase, found.message, self.log, details=found.traceback
                )
            return self.failed(found)
        result = self._read("result.json")
        if result is None:
            code = self.process.returncode
            raise postmortem.died(self.job.name, code, self.phase, self.log)
        return JobResult(self.job.name, result, None, self.seconds, self.log)

    def failed(self, error: WorkerError) -> JobResult:
        return JobResult(self.job.name, None, error, self.seconds, self.log)

    def _read(self, name: str) -> dict[str, Any] | None:
        path = self.job.out / name
        if not path.exists():
            return None
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return content


def run_jobs(
    jobs: Sequence[Job],
    *,
    timeout: float,
    progress: OnPhase | None = None,
    parallel: bool = True,
    fail_fast: Collection[str] = (),
) -> dict[str, JobResult]:
    """Run each job in a process of its own and return the results by job name.

    Args:
        jobs: with names that differ.
        timeout: seconds that each worker is given.
        progress: called with a job's name and the phase that it just entered.
        parallel: all at once, or one after the other.
        fail_fast: names of jobs whose error ends the others at once; these
            then carry an error of type `CANCELLED`, as do those never started.

    Raises:
        WorkerHung: a worker took longer than `timeout`.
        WorkerOutOfMemory: a worker was killed, or ran out of memory.
        WorkerFailed: a worker ended with neither result nor error.
        EngineMissing: a job's Python cannot be started.
    """
    batches = [list(jobs)] if parallel else [[job] for job in jobs]
    results: dict[str, JobResult] = {}
    with termination_raises():
        for batch in batches:
            results |= _run_batch(batch, timeout, progress or _silent, fail_fast)
            failed = [name for name in results if name in fail_fast and results[name].error]
            if failed:
                missing = [job for job in jobs if job.name not in results]
                results |= {job.name: _never_started(job, failed[0]) for job in missing}
                break
    return results


def _run_batch(
    jobs: list[Job], timeout: float, progress: OnPhase, fail_fast: Collection[str]
) -> dict[str, JobResult]:
    running: list[_Worker] = []
    results: dict[str, JobResult] = {}
    try:
        for job in jobs:
            running.append(_Worker(job, timeout))  # noqa: PERF401 - kept one by one, to be ended
        while running:
            for worker in list(running):
                ended = processes.has_ended(worker.process)
                for phase in worker.new_phases():
                    progress(worker.job.name, phase)
                if ended:
                    processes.end_groups([worker.process])
                    running.remove(worker)
                    results[worker.job.name] = result = worker.outcome()
                    if result.error and worker.job.name in fail_fast:
                        return results | _cancel(running, worker.job.name)
                elif worker.seconds > timeout:
                    raise _hung(worker, timeout)
            time.sleep(_POLL_SECONDS)
    finally:
        processes.end_groups([worker.process for worker in running])
    return results


def _cancel(workers: list[_Worker], because_of: str) -> dict[str, JobResult]:
    return {
        worker.job.name: worker.failed(
            WorkerError(worker.phase, CANCELLED, f"ended because {because_of} failed", "")
        )
        for worker in workers
    }


def _never_started(job: Job, because_of: str) -> JobResult:
    error = WorkerError("starting", CANCELLED, f"not started because {because_of} failed", "")
    return JobResult(job.name, None, error, 0.0, job.out / "worker.log")


def _hung(worker: _Worker, timeout: float) -> WorkerHung:
    return WorkerHung(
        f"worker {worker.job.name} did not end within {timeout:g} s, last {worker.phase}",
        f"raise the time limit, or see where it hangs in {worker.log}",
    )


def _silent(name: str, phase: str) -> None:
    """Tell nobody."""
