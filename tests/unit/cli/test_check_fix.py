"""`mmport check --fix` as a user meets it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.cli.program import Run, runner

OLD = '''"""A model."""

from vllm.multimodal.inputs import MultiModalDataDict


def data() -> MultiModalDataDict:
    return {}  # nothing yet
'''


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(monkeypatch, capsys)


@pytest.fixture
def finch(tmp_path: Path) -> Path:
    path = tmp_path / "finch.py"
    path.write_text(OLD)
    return path


def test_what_a_safe_change_mends_is_mended_once(finch: Path, run: Run) -> None:
    assert run("check", finch, "--target-vllm", "0.32.0").code == 1
    assert finch.read_text() == OLD
    done = run("check", finch, "--target-vllm", "0.32.0", "--fix")
    assert done.code == 0, done.out
    assert "moved-imports" in done.err
    mended = finch.read_text()
    assert "from vllm.inputs import MultiModalDataDict\n" in mended
    assert "# nothing yet" in mended
    done = run("check", finch, "--target-vllm", "0.32.0", "--fix", "--format", "json")
    assert (done.code, json.loads(done.out)["fixed"]) == (0, [])
    assert finch.read_text() == mended


def test_nothing_is_mended_that_would_break_another_release(finch: Path, run: Run) -> None:
    targets = ("--target-vllm", "0.12.0", "--target-vllm", "0.32.0")
    done = run("check", finch, *targets, "--fix", "--format", "json")
    assert done.code == 1
    assert json.loads(done.out)["fixed"] == []
    assert finch.read_text() == OLD


def test_what_a_comment_lets_pass_is_left_alone(finch: Path, run: Run) -> None:
    comment = "  # mmport: ignore[import-gone] a release of our own has it"
    line = "import MultiModalDataDict"
    silenced = OLD.replace(line, line + comment)
    finch.write_text(silenced)
    done = run("check", finch, "--target-vllm", "0.32.0", "--fix")
    assert done.code == 0, done.out
    assert finch.read_text() == silenced
