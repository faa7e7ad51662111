from __future__ import annotations

import json
from pathlib import Path

import pytest

from mmport.generation.lock import record_evidence
from tests.unit.cli.program import Run, runner
from tests.unit.generation.ports import append, evidence_of, write_port


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(monkeypatch, capsys)


@pytest.fixture
def port(tmp_path: Path) -> Path:
    folder = tmp_path / "port"
    write_port(folder)
    record_evidence(folder, evidence_of(folder))
    return folder


def test_a_proven_port_passes(port: Path, run: Run) -> None:
    done = run("check", port)
    assert (done.code, done.out, done.err) == (0, "1 port checked: no errors\n", "")
    done = run("check", port, "--format", "json")
    assert (done.code, json.loads(done.out)) == (0, {"schema": "mmport.check/1", "findings": []})


def test_findings_say_what_where_and_what_to_do(port: Path, run: Run) -> None:
    append(port / "README.md", "More.\n")
    done = run("check", port, "--format", "json")
    assert done.code == 1
    assert json.loads(done.out)["findings"] == [
        {
            "severity": "error",
            "rule": "edited",
            "file": str(port / "README.md"),
            "line": 0,
            "message": "edited, and the edit was not accepted",
            "fix": "undo the edit, or make it part of the port with: mmport accept " + str(port),
            "column": 0,
            "end_line": 0,
            "target": "",
        }
    ]
    done = run("check", port)
    assert done.code == 1
    assert done.out.startswith("error   edited  ")
    assert "1 port checked: 1 error" in done.out


def test_several_ports_are_checked_at_once(port: Path, tmp_path: Path, run: Run) -> None:
    (tmp_path / "empty").mkdir()
    done = run("check", port, tmp_path / "empty")
    assert done.code == 1
    assert "lock-missing" in done.out
    assert "2 ports checked: 1 error" in done.out


def test_a_note_alone_passes(port: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mmport.gate.check.__version__", "99.0")
    monkeypatch.setattr(
        "mmport.gate.check.render_port",
        lambda plan, spec: dict.fromkeys(("README.md",), ""),
    )
    done = run("check", port)
    assert done.code == 0
    assert "note    outdated" in done.out


def test_no_such_folder_is_a_known_failure(tmp_path: Path, run: Run) -> None:
    done = run("check", tmp_path / "absent")
    assert (done.code, done.out) == (3, "")
    assert "is not a folder" in done.err
    assert "what to do" in done.err


def test_a_file_name_in_a_lock_does_not_reach_the_terminal_raw(port: Path, run: Run) -> None:
    lock = port / "mmport.lock"
    lock.write_text(lock.read_text().replace('path = "README.md"', 'path = "\\u001b[31mR"'))
    done = run("check", port)
    assert done.code == 1
    assert "\x1b" not in done.out
