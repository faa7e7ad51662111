from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from mmport.core.errors import Usage
from mmport.generation.lock import record_evidence
from mmport.testing import assert_checked
from tests.unit.gate import old_names
from tests.unit.generation.ports import append, evidence_of, write_port

TEST = """
from mmport.testing import assert_checked

def test_port():
    assert_checked("my_port")
"""


@pytest.fixture
def port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A port that is proven, in the current folder."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "my_port"
    write_port(folder)
    record_evidence(folder, evidence_of(folder))
    return folder


def test_what_is_fine_passes(port: Path) -> None:
    assert_checked("my_port")
    assert_checked(port, Path("my_port/llava_vllm/llava.py"), strict=True)


def test_an_error_fails_with_the_page(port: Path) -> None:
    append(port / "README.md", "More.\n")
    with pytest.raises(AssertionError) as caught:
        assert_checked("my_port")
    lines = str(caught.value).splitlines()
    assert lines[0] == "mmport check"
    assert "error   edited  my_port/README.md" in lines
    assert lines[-1] == "1 port checked: 1 error"


@pytest.mark.parametrize(
    ("targets", "told"), [("0.33", "0.33.0"), (["0.31", "0.32"], "0.31.0, 0.32.0")]
)
def test_the_releases_may_be_named(
    port: Path, monkeypatch: pytest.MonkeyPatch, targets: str | list[str], told: str
) -> None:
    monkeypatch.setattr("mmport.gate.registry.SOURCE_CHECKS", (old_names.check,))
    Path("a.py").write_text("old\n")
    with pytest.raises(AssertionError) as caught:
        assert_checked("a.py", target_vllm=targets)
    assert f"error   old-name  a.py:1:1  on vLLM {told}\n" in str(caught.value)


def test_a_warning_fails_one_who_is_strict(port: Path) -> None:
    Path("pyproject.toml").write_text("[tool.mmport.check]\nseverity = {edited = 'warning'}\n")
    append(port / "README.md", "More.\n")
    assert_checked("my_port")
    with pytest.raises(AssertionError, match="no errors, 1 warning"):
        assert_checked("my_port", strict=True)


def test_what_is_not_there_is_no_pass(port: Path) -> None:
    with pytest.raises(Usage, match="there is no absent"):
        assert_checked("absent")
    with pytest.raises(Usage, match="nothing to check"):
        assert_checked()


def test_a_test_of_ones_own_is_three_lines(port: Path) -> None:
    Path("test_port.py").write_text(TEST)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_port.py"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    append(port / "README.md", "More.\n")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "error   edited  my_port/README.md" in done.stdout
    assert "__tracebackhide__" not in done.stdout
