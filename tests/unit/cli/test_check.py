from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from mmport.gate.registry import RULES
from mmport.generation.lock import record_evidence
from tests.schemas import require_valid
from tests.unit.cli.program import Run, runner
from tests.unit.gate.old_names import KNOWN
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
    write_port(tmp_path / "unproven")
    done = run("check", port, tmp_path / "unproven")
    assert done.code == 1
    assert "evidence-missing" in done.out
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


@pytest.mark.parametrize("how", ["text", "json", "github", "sarif"])
def test_what_is_not_there_is_a_usage_error(tmp_path: Path, run: Run, how: str) -> None:
    done = run("check", tmp_path / "absent", "--format", how)
    assert (done.code, done.out) == (2, "")
    assert f"there is no {tmp_path / 'absent'}" in done.err
    assert "what to do" in done.err


def test_without_a_path_there_is_nothing_to_check(run: Run) -> None:
    done = run("check")
    assert (done.code, done.out) == (2, "")
    assert "nothing to check" in done.err


@pytest.fixture
def broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a file that is no Python, and the comment of one who gives no reason."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.py").write_text("x = 1  # mmport: ignore[lint] x\n")
    (tmp_path / "b.py").write_text("def f(:\n")
    return tmp_path


def test_files_are_checked_in_every_format(broken: Path, run: Run) -> None:
    done = run("check", ".")
    assert done.code == 1
    assert "error   syntax  b.py:1:7" in done.out
    assert done.out.endswith("2 files checked: 2 errors\n")
    done = run("check", ".", "--format", "json")
    found = json.loads(done.out)["findings"]
    assert [(item["rule"], item["file"], item["column"]) for item in found] == [
        ("ignore-unknown-rule", "a.py", 8),
        ("syntax", "b.py", 7),
    ]
    done = run("check", ".", "--format", "sarif")
    assert done.code == 1
    document = json.loads(done.out)
    require_valid(document, "sarif-2.1.0")
    assert [item["ruleId"] for item in document["runs"][0]["results"]] == [
        "ignore-unknown-rule",
        "syntax",
    ]
    done = run("check", ".", "--format", "github")
    assert done.code == 1
    assert [line.split(",")[0] for line in done.out.splitlines()] == [
        "::error file=a.py",
        "::error file=b.py",
    ]
    assert done.err == "2 files checked: 2 errors\n"


def test_rules_are_chosen_on_the_command_line(broken: Path, run: Run) -> None:
    assert run("check", "a.py", "--select", "edited,drift").code == 0
    assert run("check", "a.py", "--ignore", "ignore-unknown-rule").code == 0
    done = run("check", "a.py", "--ignore", "ignore-unknown-rul")
    assert (done.code, done.out) == (2, "")
    assert "did you mean 'ignore-unknown-rule'?" in done.err
    assert run("check", "a.py", "--target-vllm", "0.32.9").code == 2


def test_a_warning_stands_in_the_way_of_one_who_is_strict(broken: Path, run: Run) -> None:
    (broken / "pyproject.toml").write_text(
        "[tool.mmport.check]\nseverity = {ignore-unknown-rule = 'warning'}\n"
    )
    done = run("check", "a.py")
    assert (done.code, done.out.splitlines()[-1]) == (0, "1 file checked: no errors, 1 warning")
    assert run("check", "a.py", "--strict").code == 1


def test_all_rules_are_listed(run: Run) -> None:
    done = run("check", "--rules")
    assert done.code == 0
    lines = done.out.splitlines()
    assert lines[0].split() == ["group", "severity", "rule", "summary"]
    assert ["port", "error", "drift"] in [line.split()[:3] for line in lines]
    done = run("check", "--rules", "--format", "json")
    document = json.loads(done.out)
    assert document["schema"] == "mmport.rules/1"
    assert [rule["name"] for rule in document["rules"]] == list(RULES)


def test_a_rule_is_explained(run: Run) -> None:
    done = run("check", "--explain", "drift")
    assert done.code == 0
    assert done.out.splitlines() == [
        "drift",
        "  The lock generates something else than it says that it generated.",
        "  severity  error",
        "  about     port",
        "  fix       write the port again with: mmport scaffold MODEL -o PORT",
        "  silence   in pyproject.toml alone, not by a comment",
        "  more      docs/rules.md#drift",
    ]
    done = run("check", "--explain", "drift", "--format", "json")
    assert json.loads(done.out)["rules"][0]["severity"] == "error"


def test_a_rule_about_the_api_says_since_when_and_how_to_silence_it(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mmport.gate.registry.RULES", KNOWN)
    lines = run("check", "--explain", "old-name").out.splitlines()
    assert "  since     vLLM 0.31.0" in lines
    assert "  see       vllm.model_executor.models.interfaces" in lines
    assert "  silence   # mmport: ignore[old-name] reason" in lines


def test_what_is_no_rule_is_not_explained(run: Run) -> None:
    done = run("check", "--explain", "drfit")
    assert (done.code, done.out) == (2, "")
    assert "did you mean 'drift'?" in done.err
    done = run("check", "--rules", "--format", "sarif")
    assert (done.code, done.out) == (2, "")
    assert "choose --format text or json" in done.err


def test_checking_loads_neither_torch_nor_transformers(broken: Path) -> None:
    program = (
        "import sys; sys.argv = ['mmport', 'check', 'a.py']\n"
        "from mmport.cli.app import app\n"
        "try: app()\n"
        "except SystemExit: pass\n"
        "print(*sorted({'torch', 'transformers', 'vllm', 'numpy'} & set(sys.modules)), '.')"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "."


def test_a_file_name_in_a_lock_does_not_reach_the_terminal_raw(port: Path, run: Run) -> None:
    lock = port / "mmport.lock"
    lock.write_text(lock.read_text().replace('path = "README.md"', 'path = "\\u001b[31mR"'))
    done = run("check", port)
    assert done.code == 1
    assert "\x1b" not in done.out
