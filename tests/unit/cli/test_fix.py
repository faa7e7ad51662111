"""`mmport check --fix`: what it mends, and what it leaves alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import RunMmport

OLD = """from torch import nn

from vllm.multimodal.inputs import MultiModalDataDict  # what a user gives


class Finch(nn.Module):
    def data(self) -> MultiModalDataDict:
        return {}
"""
NEW = OLD.replace("vllm.multimodal.inputs", "vllm.inputs")


@pytest.fixture
def finch(tmp_path: Path) -> Path:
    path = tmp_path / "finch.py"
    path.write_text(OLD, encoding="utf-8")
    return path


def test_what_is_safe_is_mended_and_told(run_mmport: RunMmport, finch: Path) -> None:
    assert run_mmport("check", str(finch), "--target-vllm", "0.32.0").returncode == 1
    done = run_mmport("check", str(finch), "--target-vllm", "0.32.0", "--fix")
    assert done.returncode == 0, done.stdout
    assert f"fixed {finch}\n  moved-imports " in done.stderr
    assert finch.read_text(encoding="utf-8") == NEW
    again = run_mmport("check", str(finch), "--target-vllm", "0.32.0", "--fix")
    assert (again.returncode, "fixed" in again.stderr) == (0, False)


def test_a_release_that_the_file_is_for_as_well_is_not_made_worse(
    run_mmport: RunMmport, finch: Path
) -> None:
    both = ("--target-vllm", "0.18.1", "--target-vllm", "0.32.0")
    done = run_mmport("check", str(finch), *both, "--fix")
    assert done.returncode == 1
    assert "import-gone" in done.stdout
    assert finch.read_text(encoding="utf-8") == OLD


@pytest.mark.parametrize("silence", ["comment", "option"])
def test_what_is_let_pass_is_not_mended(run_mmport: RunMmport, finch: Path, silence: str) -> None:
    options = ["--ignore", "import-gone"]
    text = OLD
    if silence == "comment":
        options = []
        text = OLD.replace("# what", "# mmport: ignore[import-gone] guarded elsewhere; what")
        finch.write_text(text, encoding="utf-8")
    done = run_mmport("check", str(finch), "--target-vllm", "0.32.0", "--fix", *options)
    assert done.returncode == 0, done.stdout
    assert finch.read_text(encoding="utf-8") == text


def test_line_ends_and_a_mark_at_the_beginning_stay(run_mmport: RunMmport, finch: Path) -> None:
    finch.write_bytes(b"\xef\xbb\xbf" + OLD.replace("\n", "\r\n").encode())
    run_mmport("check", str(finch), "--target-vllm", "0.32.0", "--fix")
    assert finch.read_bytes() == b"\xef\xbb\xbf" + NEW.replace("\n", "\r\n").encode()


def test_what_needs_a_look_is_left(run_mmport: RunMmport, tmp_path: Path) -> None:
    path = tmp_path / "broken.py"
    path.write_text("from vllm.nowhere import Nothing\n\nmade = Nothing()\n", encoding="utf-8")
    done = run_mmport("check", str(path), "--target-vllm", "0.32.0", "--fix")
    assert (done.returncode, "fixed" in done.stderr) == (1, False)
    path.write_text("def broken(:\n    import vllm\n", encoding="utf-8")
    assert run_mmport("check", str(path), "--fix").returncode == 1
