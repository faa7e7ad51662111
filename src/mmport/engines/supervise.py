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
from typing import Any, Protocol

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

    @property
    def log(self) -> Path:
        """Where its worker's output goes."""
        return self.out / "worker.log"


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


class RunJobs(Protocol):
    """What runs jobs: `run_jobs`, or a pool of warm processes in its place."""

    def __call__(
        self,
        jobs: Sequence[Job],
        *,
        timeout: float,
        progress: OnPhase | None = None,
        parallel: bool = True,
        fail_fast: Collection[str] = (),
    ) -> dict[str, JobResult]:
        """Run jobs and return the results by job name."""


Launch = Callable[[Job, Path], processes.Process]
"""Starts the process of a job that is described in a file."""


class Slots(Protocol):
    """How many workers may run at once; a semaphore is one."""

    def acquire(self, blocking: bool = True) -> bool:
        """Take a slot, if one is free."""

    def release(self) -> None:
        """Give a slot back."""


class _Worker:
    """A job that is running."""

    def __init__(self, job: Job, timeout: float, launch: Launch) -> None:
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
        self.process = launch(job, path.resolve())

    @property
    def log(self) -> Path:
        return self.job.log

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
            raise postmortem.died(f"worker {self.job.name}", code, self.phase, self.log)
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
    return watch(
        jobs,
        _start_afresh,
        timeout=timeout,
        progress=progress,
        parallel=parallel,
        fail_fast=fail_fast,
    )


def watch(
    jobs: Sequence[Job],
    launch: Launch,
    *,
    timeout: float,
    progress: OnPhase | None = None,
    parallel: bool = True,
    fail_fast: Collection[str] = (),
    slots: Slots | None = None,
) -> dict[str, JobResult]:
    """Do what `run_jobs` says with processes that `launch` starts.

    With `slots`, a job waits until one is free; its time begins when it starts.
    """
    batches = [list(jobs)] if parallel else [[job] for job in jobs]
    results: dict[str, JobResult] = {}
    with termination_raises():
        for batch in batches:
            results |= _Batch(batch, launch, timeout, slots).run(progress or _silent, fail_fast)
            failed = [name for name in results if name in fail_fast and results[name].error]
            if failed:
                missing = [job for job in jobs if job.name not in results]
                results |= {job.name: _never_started(job, failed[0]) for job in missing}
                break
    return results


class _Batch:
    """Jobs that run side by side, as many at once as there are slots."""

    def __init__(
        self, jobs: Sequence[Job], launch: Launch, timeout: float, slots: Slots | None
    ) -> None:
        self._waiting = list(jobs)
        self._running: list[_Worker] = []
        self._launch = launch
        self._timeout = timeout
        self._slots = slots

    def run(self, progress: OnPhase, fail_fast: Collection[str]) -> dict[str, JobResult]:
        """Run all, or until one of `fail_fast` fails; those never started have no result."""
        results: dict[str, JobResult] = {}
        try:
            while self._waiting or self._running:
                self._start_waiting()
                for worker in list(self._running):
                    result = self._look_at(worker, progress)
                    if result is None:
                        continue
                    results[result.name] = result
                    if result.error and result.name in fail_fast:
                        return results | _cancel(self._running, result.name)
                time.sleep(_POLL_SECONDS)
        finally:
            self._end(list(self._running))
        return results

    def _start_waiting(self) -> None:
        while self._waiting and (self._slots is None or self._slots.acquire(blocking=False)):
            job = self._waiting.pop(0)
            try:
                self._running.append(_Worker(job, self._timeout, self._launch))
            except BaseException:
                self._give_back()
                raise

    def _look_at(self, worker: _Worker, progress: OnPhase) -> JobResult | None:
        """Pass on a worker's phases, and end it where it has ended or its time is up."""
        ended = worker.process.has_ended()
        for phase in worker.new_phases():
            progress(worker.job.name, phase)
        if ended:
            self._end([worker])
            return worker.outcome()
        if worker.seconds > self._timeout:
            raise _hung(worker, self._timeout)
        return None

    def _end(self, workers: list[_Worker]) -> None:
        try:
            processes.end_groups([worker.process for worker in workers])
        finally:
            for worker in workers:
                self._running.remove(worker)
                self._give_back()

    def _give_back(self) -> None:
        if self._slots is not None:
            self._slots.release()


def _start_afresh(job: Job, path: Path) -> processes.Process:
    command = [str(job.python), str(job.workers), str(path)]
    return processes.start(command, job.environment, job.log)


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
