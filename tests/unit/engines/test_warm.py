"""What a warm process has that a fresh one has not: imports, siblings, and a death of its own."""

from __future__ import annotations

import os
import re
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mmport.core.errors import EngineMissing, MmportError, WorkerFailed
from mmport.engines import processes
from mmport.engines.supervise import Job
from mmport.engines.warm import WarmPool

GENEROUS = 60.0
PYTHON = Path(sys.executable)


@pytest.fixture
def pool(workers: Path) -> Iterator[WarmPool]:
    with WarmPool(PYTHON, ("colorsys",), {"EARLY": "yes"}, size=2, workers=workers) as opened:
        yield opened


def job(workers: Path, behaviour: str, name: str = "one", **environment: str) -> Job:
    out = workers.parent / f"out-{name}"
    return Job(name, PYTHON, "fake_tasks", {"behaviour": behaviour}, out, environment, workers)


def result_of(pool: WarmPool, one: Job) -> dict[str, Any]:
    result = pool.run_jobs([one], timeout=GENEROUS)[one.name]
    assert result.error is None, result.error
    assert result.result is not None
    return result.result


def log_of(error: MmportError) -> Path:
    found = re.search(r"\S+worker\.log", f"{error.what} {error.hint}")
    assert found, error.hint
    return Path(found.group(0).rstrip(";"))


class TestChildren:
    def test_share_one_parent_and_its_imports(self, pool: WarmPool, workers: Path) -> None:
        (workers.parent / "helper.py").write_text("")
        place = str(workers.parent)
        found = [
            result_of(pool, job(workers, "look", name, PYTHONPATH=place)) for name in ("a", "b")
        ]
        assert found[0]["loaded"]
        assert found[0]["parent"] == found[1]["parent"] != os.getpid()

    def test_python_variables_of_a_job_have_their_meaning(
        self, pool: WarmPool, workers: Path, tmp_path: Path
    ) -> None:
        (tmp_path / "place").mkdir()
        (tmp_path / "place" / "helper.py").write_text("")
        found = result_of(
            pool,
            job(
                workers,
                "look",
                PYTHONPATH=str(tmp_path / "place"),
                PYTHONPYCACHEPREFIX=str(tmp_path / "bytecode"),
            ),
        )
        assert found["cached"].startswith(str(tmp_path / "bytecode"))
        assert not (tmp_path / "place" / "__pycache__").exists()

    def test_one_childs_environment_is_not_the_next_ones(
        self, pool: WarmPool, workers: Path
    ) -> None:
        first = result_of(pool, job(workers, "succeed", LATE="1"))["environment"]
        second = result_of(pool, job(workers, "succeed"))["environment"]
        assert (first["EARLY"], first["LATE"]) == ("yes", "1")
        assert second["EARLY"] == "yes"
        assert "LATE" not in second

    def test_log_to_their_own_files(self, pool: WarmPool, workers: Path) -> None:
        jobs = [job(workers, "talk", name) for name in ("a", "b")]
        for result in pool.run_jobs(jobs, timeout=GENEROUS).values():
            assert set(result.log.read_text().splitlines()) == {"to stdout", "to stderr"}

    def test_no_more_run_at_once_than_the_size(self, pool: WarmPool, workers: Path) -> None:
        jobs = [job(workers, "take_a_while", str(number)) for number in range(4)]
        results = pool.run_jobs(jobs, timeout=GENEROUS)
        found = [one.result for one in results.values() if one.result]
        spans = [(one["begun"], one["ended"]) for one in found]
        assert len(spans) == 4
        together = max(sum(begun <= now < ended for begun, ended in spans) for now, _ in spans)
        assert together <= 2

    def test_of_several_threads(self, pool: WarmPool, workers: Path) -> None:
        echoes: list[int] = []

        def run(name: str) -> None:
            echoes.append(result_of(pool, job(workers, "succeed", name))["pid"])

        threads = [threading.Thread(target=run, args=(str(number),)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(GENEROUS)
        assert len(set(echoes)) == 6


class TestDeath:
    def test_of_the_warm_process_is_told_and_takes_its_children(
        self, pool: WarmPool, workers: Path
    ) -> None:
        one = job(workers, "kill_parent")
        with pytest.raises(WorkerFailed, match="the warm process was ended by SIGTERM") as caught:
            pool.run_jobs([one], timeout=GENEROUS)
        assert log_of(caught.value).is_file()
        shutil.rmtree(log_of(caught.value).parent)
        if (one.out / "pids").exists():
            assert not processes.is_alive(int((one.out / "pids").read_text().split()[0]))

    def test_is_made_good_for_the_next_job(self, pool: WarmPool, workers: Path) -> None:
        with pytest.raises(WorkerFailed) as caught:
            pool.run_jobs([job(workers, "kill_parent")], timeout=GENEROUS)
        shutil.rmtree(log_of(caught.value).parent)
        assert result_of(pool, job(workers, "succeed", "other"))["stdin"] == ""

    def test_a_module_that_cannot_be_imported(self, workers: Path) -> None:
        with (
            WarmPool(PYTHON, ("no_such_engine",), workers=workers) as pool,
            pytest.raises(EngineMissing, match="importing no_such_engine: ModuleNot") as caught,
        ):
            pool.run_jobs([job(workers, "succeed")], timeout=GENEROUS)
        assert "no_such_engine" in log_of(caught.value).read_text()
        assert "Traceback" in caught.value.details
        shutil.rmtree(log_of(caught.value).parent)

    def test_an_import_that_does_not_end(self, workers: Path, tmp_path: Path) -> None:
        (tmp_path / "slow").mkdir()
        (tmp_path / "slow" / "endless.py").write_text("import time; time.sleep(600)")
        environment = {"PYTHONPATH": str(tmp_path / "slow")}
        begun = time.monotonic()
        with (
            WarmPool(PYTHON, ("endless",), environment, workers=workers, start_seconds=0.5) as pool,
            pytest.raises(EngineMissing, match=r"within 0\.5 s, importing"),
        ):
            pool.run_jobs([job(workers, "succeed")], timeout=GENEROUS)
        assert time.monotonic() - begun < GENEROUS / 2


class TestPool:
    def test_closing_ends_the_waiting_of_every_thread(self, workers: Path, tmp_path: Path) -> None:
        (tmp_path / "slow").mkdir()
        (tmp_path / "slow" / "endless.py").write_text("import time; time.sleep(600)")
        failures: list[Exception] = []

        def run(name: str) -> None:
            try:
                opened.run_jobs([job(workers, "succeed", name)], timeout=GENEROUS)
            except Exception as error:
                failures.append(error)

        threads = [threading.Thread(target=run, args=(name,)) for name in ("a", "b", "c")]
        environment = {"PYTHONPATH": str(tmp_path / "slow")}
        with WarmPool(PYTHON, ("endless",), environment, size=3, workers=workers) as opened:
            for thread in threads:
                thread.start()
            time.sleep(0.5)
            begun = time.monotonic()
        for thread in threads:
            thread.join(GENEROUS)
        assert time.monotonic() - begun < 10
        assert len(failures) == 3

    def test_leaves_no_process_and_no_folder(
        self, workers: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        scratch = tmp_path / "scratch"
        scratch.mkdir()
        monkeypatch.setattr("tempfile.tempdir", str(scratch))
        (tmp_path / "helper.py").write_text("")
        with WarmPool(PYTHON, (), workers=workers) as pool:
            parent = result_of(pool, job(workers, "look", PYTHONPATH=str(tmp_path)))["parent"]
            assert processes.is_alive(parent)
        assert not processes.is_alive(parent)
        assert list(scratch.iterdir()) == []

    def test_another_python_is_refused(self, pool: WarmPool, workers: Path) -> None:
        lost = Job("one", Path("/other/python"), "fake_tasks", {}, workers.parent, {}, workers)
        with pytest.raises(ValueError, match="not for the Python of this pool"):
            pool.run_jobs([lost], timeout=GENEROUS)

    def test_no_such_python(self, workers: Path) -> None:
        with (
            pytest.raises(EngineMissing, match="/no/python"),
            WarmPool(Path("/no/python"), (), workers=workers),
        ):
            pass
