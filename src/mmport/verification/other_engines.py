"""The same implementation in other engines: over several ranks, and compiled.

Users run it so. Nobody looks inside the model there: it is asked what any
engine can be asked, and held to HF's answers alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from mmport.engines.supervise import Job, JobResult
from mmport.model.evidence import Measurement, Stage
from mmport.verification.bounds import Bounds
from mmport.verification.cases import Scenario
from mmport.verification.jobs import Setup, subject_job
from mmport.verification.judging import CANDIDATE, Judge
from mmport.verification.outputs import judge_generation, judge_left_out, judge_logits
from mmport.verification.processing import judge_prompts
from mmport.verification.stage_files import StageFiles
from mmport.verification.subjects import Subject

_REFUSING = "configuring"
"""What an engine is doing when it sees that a model cannot be run so."""


@dataclass(frozen=True, slots=True)
class OtherEngine:
    """How an engine differs from the usual one; `label` is added to its scenarios' names."""

    label: str
    payload: Mapping[str, Any]
    environment: Mapping[str, str] = field(default_factory=dict)


def other_engines(setup: Setup) -> tuple[OtherEngine, ...]:
    """The engines that a subject is asked in besides the usual one."""
    found = []
    if setup.tensor_parallel > 1:
        ranks = setup.tensor_parallel
        # Without a processor of its own for each rank, the CPU's engine looks for
        # a second socket.
        bound = {"VLLM_CPU_OMP_THREADS_BIND": "|".join(map(str, range(ranks)))}
        payload = {"tensor_parallel": ranks, "forces": False}
        found.append(OtherEngine(f"tp {ranks}", payload, {} if setup.gpu else bound))
    if setup.compiled:
        found.append(OtherEngine("compiled", {"compiled": True}))
    return tuple(found)


def other_job(setup: Setup, subject: Subject, reference: Path, other: OtherEngine) -> Job:
    """The job of such an engine."""
    job = subject_job(setup, subject, reference)
    payload = {
        "observes": False,
        "connector": "",
        "runs_processor": False,
        "runs_budget": False,
        "scenarios": [asdict(scenario) for scenario in _plain(setup)],
    }
    name = f"{subject.name}-{other.label.replace(' ', '')}"
    return replace(
        job,
        name=name,
        payload={**job.payload, **payload, **other.payload},
        out=setup.work / name,
        environment={**job.environment, **other.environment},
    )


def judge_other(
    setup: Setup, other: OtherEngine, reference: StageFiles, result: JobResult, bounds: Bounds
) -> Iterator[Measurement]:
    """Hold its answers to HF's, by the same bounds; scenarios are named `… (LABEL)`."""
    label = f"({other.label})"
    candidate = StageFiles(result.log.parent)
    for scenario in _plain(setup):
        for measurement in _judged(scenario, reference, candidate, setup, bounds):
            yield replace(measurement, scenario=f"{scenario.name} {label}")
    error = result.error
    if error is None:
        return
    phase, _, name = error.phase.partition(" ")
    judge, told = Judge(Stage.LOGITS, f"{name or phase} {label}"), f"{error.type}: {error.message}"
    if phase == _REFUSING:
        yield judge.not_compared("engine", f"{CANDIDATE}: {told}")
    else:
        yield judge.exact("engine", [told])


def _plain(setup: Setup) -> list[Scenario]:
    return [replace(one, record=False) for one in setup.asked.scenarios if one.is_plain]


def _judged(
    scenario: Scenario, reference: StageFiles, candidate: StageFiles, setup: Setup, bounds: Bounds
) -> Iterator[Measurement]:
    yield from judge_prompts(scenario, reference, candidate)
    yield from judge_left_out(scenario, reference, candidate)
    yield from judge_logits(scenario, reference, candidate, setup.facts, bounds)
    yield from judge_generation(scenario, reference, candidate, bounds)
