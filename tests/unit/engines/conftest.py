"""What the tests of both ways to run a worker share."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from mmport.engines.supervise import WORKERS


@pytest.fixture
def workers(tmp_path: Path) -> Path:
    """The real way in and runner, beside tasks made for the test."""
    folder = tmp_path / "workers"
    folder.mkdir()
    for name in ("__init__.py", "__main__.py", "runner.py", "warm.py"):
        shutil.copy(WORKERS / name, folder / name)
    shutil.copy(Path(__file__).with_name("fake_tasks.py"), folder / "fake_tasks.py")
    return folder
