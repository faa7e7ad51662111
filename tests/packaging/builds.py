"""Builds the wheel and the sdist as a release is built."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT

SOURCES = ("src", "pyproject.toml", "README.md", "LICENSE", "NOTICE")
LINKS = ("cli", "codemods", "templates", "reference_models")
PINS = ROOT / "constraints" / "dev.txt"


def uv(*arguments: str | Path) -> str:
    """Run uv with this run's Python; fail with its output where it fails."""
    environment = os.environ | {"UV_PYTHON_DOWNLOADS": "never", "NO_COLOR": "1"}
    command = [Path(sys.executable).with_name("uv"), *arguments]
    done = subprocess.run(
        list(map(str, command)),
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def build(clone: Path) -> dict[str, Path]:
    """Build from a clean copy with the root links in it, which is made in the folder `clone`."""
    ignore = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, clone / name, ignore=ignore)
        else:
            shutil.copy(ROOT / name, clone / name)
    for name in LINKS:
        (clone / name).symlink_to((ROOT / name).readlink())
    out = clone / "dist"
    uv("build", clone, "--out-dir", out, "--python", sys.executable, "--build-constraint", PINS)
    (wheel,) = out.glob("*.whl")
    (sdist,) = out.glob("*.tar.gz")
    return {"wheel": wheel, "sdist": sdist}
