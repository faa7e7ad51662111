"""Runs the steps of action.yml as a runner would: bash, the environment, the output files.

What is not run is `uses`: setting up a Python is the runner's business.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.conftest import ROOT

ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text())
_EXPRESSION = re.compile(r"\$\{\{\s*([\w.-]+)\s*\}\}")


@dataclass(frozen=True, slots=True)
class Job:
    """What came of the steps: the code of the last one, outputs, the log, the summary."""

    code: int
    outputs: dict[str, str]
    log: str
    summary: str


def step(name: str) -> dict[str, Any]:
    """Give a step by its id."""
    (found,) = (item for item in ACTION["runs"]["steps"] if item["id"] == name)
    return dict(found)


def run_steps(
    folder: Path,
    temp: Path,
    inputs: Mapping[str, str],
    steps: tuple[str, ...],
    context: Mapping[str, str],
    environment: Mapping[str, str],
) -> Job:
    """Run steps in a folder; `context` holds what other steps would have given."""
    defaults = {name: item["default"] for name, item in ACTION["inputs"].items()}
    known = {f"inputs.{name}": value for name, value in (defaults | dict(inputs)).items()}
    known |= {"github.action_path": str(ROOT), **context}
    log, summary, code = "", temp / "summary.md", 0
    summary.touch()
    for name in steps:
        output = temp / f"{name}.out"
        output.touch()
        item = step(name)
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", _script(item["run"], temp)],
            cwd=folder,
            env={
                "HOME": os.environ["HOME"],
                "PATH": os.environ["PATH"],
                "RUNNER_TEMP": str(temp),
                "GITHUB_OUTPUT": str(output),
                "GITHUB_STEP_SUMMARY": str(summary),
                **environment,
                **{key: _filled(value, known) for key, value in item["env"].items()},
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        code, log = done.returncode, log + done.stdout
        pairs = (line.partition("=") for line in output.read_text().splitlines())
        known |= {f"steps.{name}.outputs.{key}": value for key, _, value in pairs}
        if code:
            break
    outputs = {key: _filled(item["value"], known) for key, item in ACTION["outputs"].items()}
    return Job(code, outputs, log, summary.read_text())


def _script(text: str, temp: Path) -> str:
    file = temp / "script.sh"
    file.write_text(text)
    return str(file)


def _filled(text: str, known: Mapping[str, str]) -> str:
    return _EXPRESSION.sub(lambda match: known.get(match[1], ""), text)
