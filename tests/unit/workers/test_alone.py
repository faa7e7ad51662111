"""Workers import nothing of mmport and, until they run, nothing of an engine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import mmport.workers

FOLDER = Path(mmport.workers.__file__).parent
OURS = sorted(path.stem for path in FOLDER.glob("*.py") if not path.stem.startswith("__"))

SCRIPT = """
import importlib, runpy, sys
main = runpy.run_path({main!r}, run_name="not main")
main["_load_package"](__import__("pathlib").Path({folder!r}))
importlib.import_module("mmport_workers.{name}")
heavy = {{"mmport", "torch", "transformers", "vllm", "PIL", "numpy"}} & set(sys.modules)
sys.exit(f"loaded {{heavy}}" if heavy else 0)
"""


@pytest.mark.parametrize("name", OURS)
def test_imports(name: str) -> None:
    script = SCRIPT.format(main=str(FOLDER / "__main__.py"), folder=str(FOLDER), name=name)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
