from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.cli.program import Run, runner
from tests.unit.generation.ports import append, snapshot, write_port


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(monkeypatch, capsys)


def test_accepted_files_are_named(tmp_path: Path, run: Run) -> None:
    write_port(tmp_path)
    done = run("accept", tmp_path)
    assert (done.code, done.out) == (0, "no file is edited\n")
    append(tmp_path / "README.md", "More.\n")
    done = run("accept", tmp_path)
    assert done.code == 0
    assert done.out.startswith("accepted  README.md\nnext: mmport verify MODEL --port")
    done = run("accept", tmp_path, "--format", "json")
    assert json.loads(done.out) == {
        "schema": "mmport.accept/1",
        "folder": str(tmp_path),
        "accepted": ["README.md"],
    }


def test_a_folder_that_is_no_port_is_a_known_failure(tmp_path: Path, run: Run) -> None:
    done = run("accept", tmp_path)
    assert (done.code, done.out) == (3, "")
    assert "is not a port: it has no mmport.lock" in done.err
    assert "what to do: generate one with: mmport scaffold" in done.err
    assert snapshot(tmp_path) == {}


def test_what_cannot_be_accepted_is_a_finding(tmp_path: Path, run: Run) -> None:
    write_port(tmp_path)
    (tmp_path / "README.md").unlink()
    done = run("accept", tmp_path)
    assert (done.code, done.out) == (1, "")
    assert "README.md is missing" in done.err
