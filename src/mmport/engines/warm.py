"""Workers that need not import their engine: forked from a process that has."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from types import TracebackType

from mmport.engines.processes import Process
from mmport.engines.supervise import WORKERS, Job, JobResult, OnPhase, watch
from mmport.engines.zygote import Zygote

ENGINE_IMPORTS = ("torch", "transformers", "vllm")
_START_SECONDS = 300.0


class WarmPool:
    """Runs jobs as `supervise.run_jobs` does, each in a child of one warm process.

    A context manager. The warm process is started on entry and imports while
    the caller goes on; should it die, the jobs that it runs fail and the next
    ones get a new one. Several threads may run jobs at once.

    Args:
        python: that every job names.
        imports: modules to import once. They must start no threads.
        environment: of the warm process: what the imports read. A job's own
            environment is added in its child, too late for them.
        size: how many children may run at once, over all threads.
        workers: the folder of the workers, another one only in tests.
        start_seconds: what the imports are given.
    """

    def __init__(
        self,
        python: Path,
        imports: Sequence[str] = ENGINE_IMPORTS,
        environment: Mapping[str, str] | None = None,
        size: int = 1,
        *,
        workers: Path = WORKERS,
        start_seconds: float = _START_SECONDS,
    ) -> None:
        self._python = python
        self._imports = tuple(imports)
        self._environment = dict(environment or {})
        self._slots = threading.BoundedSemaphore(size)
        self._workers = workers
        self._start_seconds = start_seconds
        self._lock = threading.Lock()
        self._zygote: Zygote | None = None
        self._closed = True

    def __enter__(self) -> WarmPool:
        self._closed = False
        self._zygote = self._start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._closed = True
        if self._zygote is not None:
            self._zygote.stop_waiting()  # a thread that waits may hold the lock
        with self._lock:
            zygote, self._zygote = self._zygote, None
        if zygote is not None:
            zygote.close()

    def run_jobs(
        self,
        jobs: Sequence[Job],
        *,
        timeout: float,
        progress: OnPhase | None = None,
        parallel: bool = True,
        fail_fast: Collection[str] = (),
    ) -> dict[str, JobResult]:
        """Run each job in a child of its own and return the results by job name.

        Arguments and errors are those of `supervise.run_jobs`. A job waits until
        fewer than `size` run; its time begins when it starts.

        Raises:
            EngineMissing: the warm process could not import what it was to.
            WorkerFailed: also if the warm process died.
            ValueError: a job is for another Python or other workers.
        """
        for job in jobs:
            if (job.python, job.workers) != (self._python, self._workers):
                raise ValueError(f"job {job.name} is not for the Python of this pool")
        return watch(
            jobs,
            self._fork,
            timeout=timeout,
            progress=progress,
            parallel=parallel,
            fail_fast=fail_fast,
            slots=self._slots,
        )

    def _fork(self, job: Job, path: Path) -> Process:
        return self._serving().fork(path, job.log.resolve(), job.environment)

    def _serving(self) -> Zygote:
        """Give the warm process, a new one if it has died."""
        with self._lock:
            if self._closed:
                raise RuntimeError("the pool is not open")
            if self._zygote is not None and self._zygote.is_lost:
                self._zygote.close()
                self._zygote = None
            if self._zygote is None:
                self._zygote = self._start()
            return self._zygote

    def _start(self) -> Zygote:
        return Zygote(
            self._python, self._workers, self._imports, self._environment, self._start_seconds
        )
