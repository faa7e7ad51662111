"""The lanes and the engine rule of `tests/conftest.py`, on a small project of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import ENGINE_VARIABLE, ROOT

TESTS = """
import pytest

def test_plain():
    pass

@pytest.mark.full(reason="builds many checkpoints")
@pytest.mark.parametrize("number", [1, 2])
def test_slow(number):
    pass

@pytest.mark.gpu
def test_cuda():
    pass

@pytest.mark.engine
def test_engine(engine_python):
    assert engine_python.is_file()
"""
NO_REASON = """
import pytest

@pytest.mark.full
def test_slow():
    pass
"""

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run_tests(tmp_path: Path) -> Run:
    """Run pytest on a test file with our conftest beside it."""
    shutil.copy(ROOT / "tests" / "conftest.py", tmp_path)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers =\n  engine:\n  gpu:\n  full:\n")

    def run(
        *arguments: str, engine: str | None = None, text: str = TESTS
    ) -> subprocess.CompletedProcess[str]:
        (tmp_path / "test_it.py").write_text(text)
        environment = {k: v for k, v in os.environ.items() if k != ENGINE_VARIABLE}
        return subprocess.run(
            [sys.executable, "-m", "pytest", *arguments],
            cwd=tmp_path,
            env=environment | ({ENGINE_VARIABLE: engine} if engine else {}),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    return run


@pytest.fixture
def seeming_engine(tmp_path: Path) -> str:
    """A Python that finds a package `vllm`, for tests that do not run it."""
    site = tmp_path / "site"
    (site / "vllm").mkdir(parents=True)
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH="{site}" exec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    return str(python)


def test_the_fast_lane_lists_what_it_left_out_and_why(run_tests: Run, seeming_engine: str) -> None:
    done = run_tests(engine=seeming_engine)
    assert done.returncode == 0, done.stdout
    lines = done.stdout.splitlines()
    summary = lines[next(i for i, line in enumerate(lines) if "not run in the fast lane" in line) :]
    assert "test_it.py: 2 tests: builds many checkpoints" in summary
    assert "test_it.py: 1 test: needs a CUDA device, and --gpu was not given" in summary
    assert "2 passed, 3 deselected" in summary[-1]


def test_the_full_lane_leaves_nothing_out(run_tests: Run, seeming_engine: str) -> None:
    done = run_tests("--lane", "full", "--gpu", engine=seeming_engine)
    assert done.returncode == 0, done.stdout
    assert "nothing was left out" in done.stdout
    assert "5 passed" in done.stdout


@pytest.mark.parametrize("engine", [None, "/nonexistent/python", sys.executable])
def test_engine_tests_fail_without_an_engine(run_tests: Run, engine: str | None) -> None:
    done = run_tests(engine=engine)
    assert done.returncode == 1, done.stdout
    assert "1 error" in done.stdout
    assert ENGINE_VARIABLE in done.stdout


def test_no_engine_leaves_engine_tests_out_and_says_so(run_tests: Run) -> None:
    done = run_tests("--no-engine")
    assert done.returncode == 0, done.stdout
    assert "test_it.py: 1 test: needs an engine, and --no-engine was given" in done.stdout


def test_a_test_of_the_full_lane_must_say_why(run_tests: Run) -> None:
    done = run_tests(text=NO_REASON)
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "test_it.py::test_slow" in done.stderr
