"""What `mmport doctor` finds out."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mmport.core.errors import EngineMissing, MmportError, Usage
from mmport.engines.discover import engine_python, probe
from mmport.engines.facts import EngineFacts, Gpu, find_gpus
from mmport.engines.releases import default_release, install_hint
from mmport.model.finding import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DIAGNOSIS_SCHEMA = "mmport.doctor/1"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What this machine can do with mmport, and what is in the way.

    `vllm` and `hf` are None where no such Python was found; a finding says so.
    """

    schema: str
    mmport: str
    own: EngineFacts
    vllm: EngineFacts | None
    hf: EngineFacts | None
    gpus: tuple[Gpu, ...]
    usable: bool
    findings: tuple[Finding, ...]


def diagnose(
    vllm_python: Path | None,
    hf_python: Path | None,
    version: str,
    is_old: Callable[[str], bool] = lambda _: False,
) -> Diagnosis:
    """Look at mmport's own Python, both engine Pythons and the GPUs. Never raises for these.

    Args:
        vllm_python: as for `find_engine`.
        hf_python: as for `find_engine`.
        version: mmport's own.
        is_old: whether a release of vLLM has the first multimodal API.
    """
    findings: list[Finding] = []
    own = probe(Path(sys.executable))
    vllm = _look(vllm_python, findings, "vllm")
    hf = vllm if hf_python is None else _look(hf_python, findings, "torch", "transformers")
    gpus = find_gpus()
    findings += _about_gpus(vllm, gpus)
    findings += _about_age(vllm, hf, is_old)
    usable = (
        vllm is not None
        and hf is not None
        and not any(finding.severity is Severity.ERROR for finding in findings)
    )
    return Diagnosis(
        DIAGNOSIS_SCHEMA, version, own, vllm, hf, gpus, usable, _without_repeats(findings)
    )


def _look(given: Path | None, findings: list[Finding], *needed: str) -> EngineFacts | None:
    """Probe one Python; what is wrong with it goes to `findings`."""
    try:
        facts = probe(engine_python(given))
    except (EngineMissing, Usage) as error:
        findings.append(_error("no-engine", given, error))
        return None
    findings += facts.problems
    missing = [name for name in needed if facts.package(name) is None]
    if missing:
        what = f"{facts.python} has no {' and no '.join(missing)}"
        findings.append(_error("no-engine", given, EngineMissing(what, install_hint())))
    return facts


def _error(rule: str, python: Path | None, error: MmportError) -> Finding:
    return Finding(Severity.ERROR, rule, str(python or ""), 0, error.what, error.hint)


def _about_gpus(vllm: EngineFacts | None, gpus: tuple[Gpu, ...]) -> Iterator[Finding]:
    if vllm is None or vllm.vllm is None:
        return
    if gpus and vllm.is_cpu_build:
        yield Finding(
            Severity.NOTE,
            "gpu-unused",
            vllm.python,
            0,
            f"there is a GPU ({gpus[0].name}), and {vllm.vllm} runs on the CPU alone",
            f"for `verify --gpu` make another environment:"
            f" `{default_release().install_command(gpu=True)}`",
        )
    if not gpus and not vllm.is_cpu_build:
        yield Finding(
            Severity.ERROR,
            "no-gpu",
            vllm.python,
            0,
            f"{vllm.vllm} is built for a GPU, and no NVIDIA driver answers here",
            f"make an environment with the CPU build:"
            f" `{default_release().install_command(gpu=False)}`",
        )


def _about_age(
    vllm: EngineFacts | None, hf: EngineFacts | None, is_old: Callable[[str], bool]
) -> Iterator[Finding]:
    """Say what an old engine is good for, and that HF's side may be another one."""
    if vllm is None or vllm.vllm is None or not is_old(vllm.vllm.version.partition("+")[0]):
        return
    same = hf == vllm
    yield Finding(
        Severity.NOTE,
        "old-engine",
        vllm.python,
        0,
        f"{vllm.vllm} has vLLM's first multimodal API: `verify` proves ports for it, on the CPU;"
        " `demo` and `verify --self-test` want a current engine",
        f"HF's side runs {vllm.transformers} here; for today's, give --hf-python"
        if same
        else "nothing: HF's side is an environment of its own",
    )


def _without_repeats(findings: list[Finding]) -> tuple[Finding, ...]:
    return tuple(dict.fromkeys(findings))
