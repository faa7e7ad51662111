"""The supervisor against workers that fail in every way there is.

Every test runs twice: with processes of their own, and with the children of a
warm one, which must not be told apart.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

import mmport
from mmport.core.errors import (
    EngineMissing,
    WorkerFailed,
    WorkerHung,
    WorkerOutOfMemory,
)
from mmport.engines import processes
from mmport.engines.supervise import CANCELLED, Job, JobResult, RunJobs
from mmport.engines.supervise import run_jobs as run_afresh
from mmport.engines.warm import WarmPool
from mmport.workers import runner

GENEROUS = 60.0


@pytest.fixture(params=["afresh", "warm"])
def run_jobs(request: pytest.FixtureRequest, workers: Path) -> RunJobs:
    """Each call of the warm one has a pool of its own, so that none outlives it."""

    def run_warm(jobs: Sequence[Job], **limits: Any) -> dict[str, JobResult]:
        python = jobs[0].python
        with WarmPool(python, ("json",), size=len(jobs), workers=workers) as pool:
            return pool.run_jobs(jobs, **limits)

    return run_afresh if request.param == "afresh" else run_warm


def job(workers: Path, behaviour: str, name: str = "one", **payload: object) -> Job:
    return Job(
        name=name,
        python=Path(sys.executable),
        task="fake_tasks",
        payload={"behaviour": behaviour, **payload},
        out=workers.parent / f"out-{name}",
        workers=workers,
    )


def pids_of(job: Job) -> list[int]:
    return [int(pid) for pid in (job.out / "pids").read_text().split()]


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + GENEROUS
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} did not appear"
        time.sleep(0.02)


def assert_gone(pids: list[int]) -> None:
    """Neither process runs, and the group, led by the first, is empty."""
    assert not processes.is_alive(pids[0])
    assert not any(is_running(pid) for pid in pids)


def is_running(pid: int) -> bool:
    """A process that ended may stay a zombie for a while, if its parent is not ours."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in {"Z", "X"}


class TestSuccess:
    def test_gives_the_result(self, run_jobs: RunJobs, workers: Path) -> None:
        result = run_jobs([job(workers, "succeed", echo=[1, "two"])], timeout=GENEROUS)["one"]
        assert result.error is None
        assert result.result is not None
        assert result.result["echo"] == [1, "two"]
        assert 0 < result.seconds < GENEROUS

    def test_runs_in_a_group_of_its_own_without_stdin(
        self, run_jobs: RunJobs, workers: Path
    ) -> None:
        found = self.succeed(run_jobs, workers)
        assert found["group"] == found["pid"] != os.getpgid(0)
        assert found["stdin"] == ""

    def test_keeps_its_folder_off_the_path(self, run_jobs: RunJobs, workers: Path) -> None:
        (workers / "colorsys.py").write_text("raise RuntimeError('hides the real one')")
        assert str(workers) not in self.succeed(run_jobs, workers)["path"]

    def test_environment_is_inherited_cleaned_and_added_to(
        self, run_jobs: RunJobs, workers: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("KEPT", "yes")
        for name in ("PYTHONPATH", "VIRTUAL_ENV", "PYTHONSAFEPATH"):
            monkeypatch.setenv(name, "1")
        environment = self.succeed(run_jobs, workers, ADDED="1")["environment"]
        assert environment["KEPT"] == "yes"
        assert environment["ADDED"] == "1"
        assert not {"PYTHONPATH", "VIRTUAL_ENV", "PYTHONSAFEPATH"} & environment.keys()

    def test_logs_both_streams(self, run_jobs: RunJobs, workers: Path) -> None:
        result = run_jobs([job(workers, "talk")], timeout=GENEROUS)["one"]
        assert set(result.log.read_text().split("\n")) >= {"to stdout", "to stderr"}

    def test_tells_progress_in_order(self, run_jobs: RunJobs, workers: Path) -> None:
        told: list[tuple[str, str]] = []
        run_jobs(
            [job(workers, "succeed")],
            timeout=GENEROUS,
            progress=lambda name, phase: told.append((name, phase)),
        )
        assert told == [("one", "warming up"), ("one", "working")]

    def test_a_result_of_an_earlier_run_is_not_taken_for_this_one(
        self, run_jobs: RunJobs, workers: Path
    ) -> None:
        run_jobs([job(workers, "succeed")], timeout=GENEROUS)
        with pytest.raises(WorkerFailed):
            run_jobs([job(workers, "leave")], timeout=GENEROUS)

    def test_what_a_worker_left_running_is_ended(self, run_jobs: RunJobs, workers: Path) -> None:
        one = job(workers, "leave_a_child")
        assert run_jobs([one], timeout=GENEROUS)["one"].error is None
        assert_gone(pids_of(one))

    @staticmethod
    def succeed(run_jobs: RunJobs, workers: Path, **environment: str) -> dict[str, Any]:
        plain = job(workers, "succeed")
        ours = Job(
            plain.name, plain.python, plain.task, plain.payload, plain.out, environment, workers
        )
        result = run_jobs([ours], timeout=GENEROUS)["one"].result
        assert result is not None
        return result


class TestFailure:
    def test_an_exception_is_a_result(self, run_jobs: RunJobs, workers: Path) -> None:
        result = run_jobs([job(workers, "fail")], timeout=GENEROUS)["one"]
        assert result.result is None
        assert result.error is not None
        assert (result.error.phase, result.error.type) == ("multiplying", "ValueError")
        assert result.error.message == "shapes differ"
        assert "in fail" in result.error.traceback

    def test_an_unknown_task_is_an_exception(self, run_jobs: RunJobs, workers: Path) -> None:
        lost = Job("one", Path(sys.executable), "no_such", {}, workers.parent / "out", {}, workers)
        error = run_jobs([lost], timeout=GENEROUS)["one"].error
        assert error is not None
        assert error.type == "ModuleNotFoundError"

    @pytest.mark.parametrize("code", [0, 3])
    def test_sys_exit(self, run_jobs: RunJobs, workers: Path, code: int) -> None:
        with pytest.raises(WorkerFailed) as caught:
            run_jobs([job(workers, "leave", code=code)], timeout=GENEROUS)
        assert type(caught.value) is WorkerFailed
        assert f"left with exit code {code} while warming up" in caught.value.what
        assert "engine core initialisation failed" in caught.value.what
        assert "worker.log" in caught.value.hint

    def test_segmentation_fault(self, run_jobs: RunJobs, workers: Path) -> None:
        with pytest.raises(WorkerFailed, match="SIGSEGV") as caught:
            run_jobs([job(workers, "crash")], timeout=GENEROUS)
        assert type(caught.value) is WorkerFailed
        assert "in crash" in (workers.parent / "out-one" / "worker.log").read_text()

    def test_killed(self, run_jobs: RunJobs, workers: Path) -> None:
        with pytest.raises(WorkerOutOfMemory, match=r"one was killed \(SIGKILL\) while warming up"):
            run_jobs([job(workers, "be_killed")], timeout=GENEROUS)

    def test_memory_error(self, run_jobs: RunJobs, workers: Path) -> None:
        with pytest.raises(WorkerOutOfMemory, match="cannot allocate 9 GiB"):
            run_jobs([job(workers, "exhaust_memory")], timeout=GENEROUS)

    @pytest.mark.parametrize("behaviour", ["hang", "ignore_terminate"])
    def test_hang(self, run_jobs: RunJobs, workers: Path, behaviour: str) -> None:
        one = job(workers, behaviour)
        with pytest.raises(WorkerHung, match=r"one did not end within 1.5 s.*waiting for ever"):
            run_jobs([one], timeout=1.5)
        assert_gone(pids_of(one))
        assert "in hang" in (one.out / "worker.log").read_text()

    def test_no_such_python(self, workers: Path) -> None:
        fine = job(workers, "hang", name="fine")
        lost = Job("lost", Path("/no/python"), "fake_tasks", {}, workers.parent / "out")
        with pytest.raises(EngineMissing, match="/no/python"):
            run_afresh([fine, lost], timeout=GENEROUS)


class TestSeveral:
    def test_in_parallel(self, run_jobs: RunJobs, workers: Path) -> None:
        names = ["one", "two", "three"]
        results = run_jobs([job(workers, "succeed", name) for name in names], timeout=GENEROUS)
        assert set(results) == set(names)

    def test_one_after_the_other(self, run_jobs: RunJobs, workers: Path) -> None:
        told: list[str] = []
        run_jobs(
            [job(workers, "succeed", name) for name in ("one", "two")],
            timeout=GENEROUS,
            parallel=False,
            progress=lambda name, _: told.append(name),
        )
        assert told == ["one", "one", "two", "two"]

    def test_a_death_ends_the_others(self, run_jobs: RunJobs, workers: Path) -> None:
        hanging = job(workers, "hang", "other")
        with pytest.raises(WorkerFailed, match="one left with"):
            run_jobs([hanging, job(workers, "leave")], timeout=GENEROUS)
        if (hanging.out / "pids").exists():
            assert_gone(pids_of(hanging))

    def test_fail_fast(self, run_jobs: RunJobs, workers: Path) -> None:
        jobs = [job(workers, "hang", "other"), job(workers, "fail")]
        results = run_jobs(jobs, timeout=GENEROUS, fail_fast={"one"})
        other = results["other"].error
        assert other is not None
        assert (other.type, other.message) == (CANCELLED, "ended because one failed")

    def test_fail_fast_does_not_start_the_next(self, run_jobs: RunJobs, workers: Path) -> None:
        jobs = [job(workers, "fail"), job(workers, "succeed", "other")]
        results = run_jobs(jobs, timeout=GENEROUS, parallel=False, fail_fast={"one"})
        assert results["other"].error is not None
        assert not jobs[1].out.exists()

    def test_an_error_that_is_not_fail_fast_lets_the_others_end(
        self, run_jobs: RunJobs, workers: Path
    ) -> None:
        jobs = [job(workers, "fail"), job(workers, "succeed", "other")]
        results = run_jobs(jobs, timeout=GENEROUS)
        assert results["one"].error is not None
        assert results["other"].result is not None


def test_both_sides_mean_the_same_variable() -> None:
    assert processes.SUPERVISOR == runner.SUPERVISOR


class TestInterruption:
    def test_keyboard_interrupt(self, run_jobs: RunJobs, workers: Path) -> None:
        one = job(workers, "hang")

        def interrupt(_: str, phase: str) -> None:
            if phase == "waiting for ever":
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            run_jobs([one], timeout=GENEROUS, progress=interrupt)
        assert_gone(pids_of(one))

    @pytest.mark.parametrize("way", ["afresh", "warm"])
    @pytest.mark.parametrize(
        ("number", "code"),
        [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, -signal.SIGINT)],
    )
    def test_signal_to_mmport(
        self, workers: Path, number: signal.Signals, code: int, way: str
    ) -> None:
        supervisor, one = self.start_supervisor(workers, way)
        supervisor.send_signal(number)
        assert supervisor.wait(GENEROUS) == code
        assert_gone(pids_of(one))

    @pytest.mark.parametrize("way", ["afresh", "warm"])
    def test_workers_die_with_a_killed_supervisor(self, workers: Path, way: str) -> None:
        supervisor, one = self.start_supervisor(workers, way)
        supervisor.kill()
        supervisor.wait(GENEROUS)
        leader, child = pids_of(one)
        self.wait_until_ended(leader)
        # The kernel ends the worker alone; of what the worker started, nobody is left to know.
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        self.wait_until_ended(child)
        assert_gone([leader, child])

    @staticmethod
    def wait_until_ended(pid: int) -> None:
        deadline = time.monotonic() + GENEROUS
        while is_running(pid):
            assert time.monotonic() < deadline, f"{pid} did not end"
            time.sleep(0.02)

    def test_handlers_are_given_back(self, run_jobs: RunJobs, workers: Path) -> None:
        before = signal.getsignal(signal.SIGTERM)
        run_jobs([job(workers, "succeed")], timeout=GENEROUS)
        assert signal.getsignal(signal.SIGTERM) is before

    @staticmethod
    def start_supervisor(workers: Path, way: str) -> tuple[subprocess.Popen[bytes], Job]:
        one = job(workers, "hang")
        script = f"""
            import signal
            from pathlib import Path
            from mmport.core.termination import termination_raises
            from mmport.engines.supervise import Job, run_jobs
            from mmport.engines.warm import WarmPool
            # Whoever runs the tests in the background may have had it ignored.
            signal.signal(signal.SIGINT, signal.default_int_handler)
            signal.signal(signal.SIGHUP, signal.SIG_DFL)
            job = Job("one", Path({sys.executable!r}), "fake_tasks", {{"behaviour": "hang"}},
                      Path({str(one.out)!r}), {{}}, Path({str(workers)!r}))
            if {way!r} == "afresh":
                run_jobs([job], timeout=60)
            with termination_raises(), WarmPool(job.python, (), workers=job.workers) as pool:
                pool.run_jobs([job], timeout=60)
        """
        command = [sys.executable, "-c", textwrap.dedent(script)]
        source = str(Path(mmport.__file__).parents[1])
        # What a killed one leaves is to go with the test's own folder.
        environment = {**os.environ, "PYTHONPATH": source, "TMPDIR": str(workers.parent)}
        supervisor = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
        wait_for(one.out / "pids")
        return supervisor, one
