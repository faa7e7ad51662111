"""vLLM's own model files, of the releases themselves: fetched when asked for, never committed."""

from __future__ import annotations

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
