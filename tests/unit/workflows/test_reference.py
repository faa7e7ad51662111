"""The cache of tiny checkpoints; the worker is replaced, its own tests are in tests/engine."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from mmport.core.errors import EngineMissing, TargetUnwritable, WorkerFailed
from mmport.engines.supervise import Job, JobResult, WorkerError
from mmport.workflows import reference
from mmport.workflows.reference import build_tiny, cache_folder
from tests.unit.engines.fake_python import FITTING, changed, write_python


class FakeRunner:
    """Stands for `run_jobs`: writes one file, or fails."""

    def __init__(self) -> None:
        self.jobs: list[Job] = []
        self.error: WorkerError | None = None
        self.timeouts: list[float] = []

    def __call__(self, jobs: Sequence[Job], **options: Any) -> dict[str, JobResult]:
        job = jobs[0]
        self.jobs.append(job)
        folder = Path(str(job.payload["checkpoint"]))
        (folder / "config.json").write_text(str(len(self.jobs)))
        (job.out / "worker.log").write_text("what it said")
        self.timeouts.append(options["timeout"])
        result: dict[str, Any] | None = None if self.error else {}
        return {job.name: JobResult(job.name, result, self.error, 0.1, job.out / "worker.log")}


@pytest.fixture
def runner(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeRunner:
    fake = FakeRunner()
    monkeypatch.setattr(reference, "run_jobs", fake)
    monkeypatch.setenv("MMPORT_CACHE", str(tmp_path / "cache"))
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))
    return fake


@pytest.fixture
def python(tmp_path: Path) -> Path:
    return write_python(tmp_path, FITTING)


def test_the_second_time_it_is_there(runner: FakeRunner, python: Path) -> None:
    first = build_tiny("clip-llama", python=python)
    assert build_tiny("clip-llama", python=python) == first
    assert len(runner.jobs) == 1
    assert (first / "config.json").read_text() == "1"
    assert first.parent == cache_folder()


@pytest.mark.parametrize(
    "change", [{"seed": 1}, {"layout": "transformers-4"}, {"dtype": "bfloat16"}]
)
def test_another_request_is_another_checkpoint(
    runner: FakeRunner, python: Path, change: dict[str, Any]
) -> None:
    assert build_tiny("clip-llama", python=python) != build_tiny(
        "clip-llama", python=python, **change
    )


def test_another_transformers_is_another_checkpoint(runner: FakeRunner, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    new = write_python(tmp_path / "new", changed(transformers={"version": "5.20.0"}))
    old = write_python(tmp_path, FITTING)
    assert build_tiny("clip-llama", python=old) != build_tiny("clip-llama", python=new)


def test_out_is_a_copy(runner: FakeRunner, python: Path, tmp_path: Path) -> None:
    out = build_tiny("clip-llama", python=python, out=tmp_path / "model")
    (out / "config.json").write_text("edited")
    again = build_tiny("clip-llama", python=python, out=tmp_path / "again")
    assert (again / "config.json").read_text() == "1"


def test_a_failure_leaves_nothing(runner: FakeRunner, python: Path, tmp_path: Path) -> None:
    runner.error = WorkerError("searching weights", "RuntimeError", "none of 90", "its traceback")
    with pytest.raises(WorkerFailed, match=r"searching weights.*none of 90") as caught:
        build_tiny("clip-llama", python=python, out=tmp_path / "model")
    assert caught.value.details == "its traceback"
    log = runner.jobs[0].out / "worker.log"
    assert f"the log is {log}," in caught.value.hint
    assert "--seed" not in caught.value.hint
    assert log.read_text() == "what it said"
    assert not (tmp_path / "model").exists()
    assert not (tmp_path / "cache").exists()


def test_a_builder_that_came_first_is_left_alone(
    runner: FakeRunner, python: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = build_tiny("clip-llama", python=python)
    (first / "config.json").write_text("theirs")
    monkeypatch.setattr(Path, "is_dir", is_dir_but_not_yet(first))
    assert build_tiny("clip-llama", python=python) == first
    assert len(runner.jobs) == 2
    assert (first / "config.json").read_text() == "theirs"
    assert [path.name for path in cache_folder().iterdir()] == [first.name]


def is_dir_but_not_yet(folder: Path) -> Any:
    """`Path.is_dir` that overlooks `folder` the first time."""
    real = Path.is_dir
    asked: list[Path] = []

    def is_dir(path: Path) -> bool:
        if path == folder and not asked:
            asked.append(path)
            return False
        return real(path)

    return is_dir


def test_without_a_cache_it_goes_where_it_is_wanted(
    runner: FakeRunner, python: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MMPORT_CACHE", str(tmp_path / "file"))
    out = build_tiny("clip-llama", python=python, out=tmp_path / "model")
    assert (out / "config.json").read_text() == "1"
    with pytest.raises(TargetUnwritable):
        build_tiny("clip-llama", python=python)


def test_without_a_cache_what_is_there_already_is_replaced(
    runner: FakeRunner, python: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MMPORT_CACHE", str(tmp_path / "file"))
    out = tmp_path / "model"
    out.mkdir()
    (out / "config.json").write_text("stale")
    (out / "other").write_text("stale")
    assert build_tiny("clip-llama", python=python, out=out) == out
    assert {path.name: path.read_text() for path in out.iterdir()} == {"config.json": "1"}


def test_the_time_limit_reaches_the_worker_and_its_folder_is_cleared(
    runner: FakeRunner, python: Path
) -> None:
    build_tiny("clip-llama", python=python, timeout=7)
    assert runner.timeouts == [7]
    assert not runner.jobs[0].out.exists()


def test_no_python(runner: FakeRunner, tmp_path: Path) -> None:
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    with pytest.raises(EngineMissing):
        build_tiny("clip-llama", python=broken)
    assert runner.jobs == []


class TestCacheFolder:
    def test_own(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MMPORT_CACHE", "/a")
        assert cache_folder() == Path("/a/tiny")

    def test_general(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("MMPORT_CACHE", raising=False)
        monkeypatch.setenv("XDG_CACHE_HOME", "/b")
        assert cache_folder() == Path("/b/mmport/tiny")

    def test_home(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("MMPORT_CACHE", raising=False)
        monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
        monkeypatch.setenv("HOME", "/c")
        assert cache_folder() == Path("/c/.cache/mmport/tiny")
