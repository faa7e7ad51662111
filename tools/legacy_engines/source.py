"""A release's source distribution, from the package index that pip is set up with."""

import os
import subprocess
import sys
import tarfile
import venv
from pathlib import Path

from .releases import Release

# setup.py is run for the version alone, which says for what the release is built.
# These stand in for a torch with CUDA and for CUDA's compiler, and answer just that.
TORCH = {
    "__init__.py": "__version__ = '2.4.0'\nfrom . import version\n",
    "version.py": "cuda = {cuda!r}\nhip = None\n",
    "utils/__init__.py": "",
    "utils/cpp_extension.py": "CUDA_HOME = {home!r}\nROCM_HOME = None\n",
}
NVCC = "#!/bin/sh\necho 'Cuda compilation tools, release {cuda}, V{cuda}.0'\n"
BUILD_TOOLS = ("setuptools>=77,<81", "setuptools_scm>=8", "wheel", "packaging", "jinja2")


def fetch(release: Release, work: Path) -> Path:
    """Downloads and unpacks the source below `work`; the folder that holds `vllm`."""
    python = _throw_away_python(release, work / "fetch")
    # A label after the version (`+cpu`, `+cu121`) would make pip reject the source.
    scene = {"VLLM_TARGET_DEVICE": "cuda", "SETUPTOOLS_SCM_PRETEND_VERSION": release.version}
    _pip(
        python,
        *("download", "--no-deps", "--no-build-isolation", "--no-binary", "vllm"),
        *("--dest", str(work), f"vllm=={release.version}"),
        scene=scene,
    )
    with tarfile.open(work / f"vllm-{release.version}.tar.gz") as archive:
        archive.extractall(work, filter="data")
    return work / f"vllm-{release.version}"


def _throw_away_python(release: Release, home: Path) -> Path:
    venv.create(home, with_pip=True)
    python = home / "bin" / "python"
    _pip(python, "install", *BUILD_TOOLS)
    packages = home / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}"
    for name, text in TORCH.items():
        path = packages / "site-packages" / "torch" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.format(cuda=release.cuda, home=str(home)), "utf-8")
    nvcc = home / "bin" / "nvcc"
    nvcc.write_text(NVCC.format(cuda=release.cuda), "utf-8")
    nvcc.chmod(0o755)
    return python


def _pip(python: Path, *arguments: str, scene: dict[str, str] | None = None) -> None:
    command = [str(python), "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, env={**os.environ, **(scene or {})}, check=False)
    if done.returncode:
        raise SystemExit(f"pip {arguments[0]} failed; what it says stands above")
