"""The verifier put to the test: right implementations are mutated, and judged as any other."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from mmport.core.output import Progress
from mmport.engines.supervise import Job, JobResult, RunJobs, WorkerError, run_jobs
from mmport.model.evidence import Evidence, Outcome, Stage
from mmport.model.self_test import (
    SELF_TEST_SCHEMA,
    KindCount,
    MutantResult,
    SelfTest,
    Verdict,
)
from mmport.verification.cases import Scenario
from mmport.verification.changes import Changes, equal
from mmport.verification.jobs import REFERENCE, Setup, reference_job, subject_job
from mmport.verification.noise import measure_noise
from mmport.verification.run import evidence_of, require_engine, require_reference
from mmport.verification.selection import Selection
from mmport.verification.stage_files import StageFiles, scenario_stage
from mmport.verification.subjects import Subject
from mmport.verification.surroundings import Surroundings

_TASK = "self_test"
_UNMUTATED, _AGAIN, _RESTORED, _MUTANTS = "unmutated", "again", "restored", "mutants"
_JUDGING = "judging "
_PATIENCE = 120.0
"""Seconds that one mutant is given; on an idle machine it answers in less than one."""
_SECONDS_FOR_ONE = 10.0
"""By which the time limit of the whole grows with each mutant, on a slow machine."""
_ANY_NUMBER = 2000
_TOLD = 10
"""One of so many mutants is told of."""
_OF_LOGPROBS = (Stage.LOGITS, Stage.GENERATION)
_OF_MODULES = (Stage.ENCODER, Stage.MERGE, Stage.DECODER, Stage.LOGITS)
_BLOCKS = 512
"""Of the key-value cache, which is wiped after each mutant: it may hold what is no number."""


def run_self_test(
    setup: Setup,
    subject: Subject,
    *,
    limit: int,
    kinds: tuple[str, ...] = (),
    progress: Progress | None = None,
    run: RunJobs = run_jobs,
) -> SelfTest:
    """Mutate an implementation in its engine, and judge every mutant against HF.

    Args:
        setup: as for a comparison; `timeout` is the reference's, and what the
            engine is given to start.
        subject: a right implementation.
        limit: how many mutants are tried, balanced over the kinds; 0 for all.
        kinds: only these, if any are named.
        progress: told of each mutant that is judged.
        run: what runs the two jobs.

    Raises:
        WorkerFailed: the reference could not be computed, or the engine's worker died.
    """
    start = time.monotonic()
    reference = reference_job(setup)
    job = _job(setup, subject, reference.out, limit, kinds)
    for folder in (reference.out, job.out):
        shutil.rmtree(folder, ignore_errors=True)
    bench = _Bench(setup, subject, reference.out, job.out, progress)
    timeout = setup.timeout + _SECONDS_FOR_ONE * (limit or _ANY_NUMBER)
    try:
        results = run(
            [reference, job],
            timeout=timeout,
            progress=bench.hear,
            parallel=not setup.gpu,
            fail_fast=(REFERENCE,),
        )
    except _NotRightError:
        return bench.finish({}, time.monotonic() - start)
    require_reference(results[REFERENCE])
    require_engine(results[job.name])
    return bench.finish(results[job.name].result or {}, time.monotonic() - start)


class _NotRightError(Exception):
    """Without a mutant the implementation does not pass: mutants of it would say nothing."""


def _job(
    setup: Setup, subject: Subject, reference: Path, limit: int, kinds: tuple[str, ...]
) -> Job:
    usual = subject_job(setup, subject, reference)
    payload: dict[str, Any] = dict(usual.payload) | {
        "trials": trials(setup.asked.scenarios),
        "limit": limit,
        "kinds": list(kinds),
        "patience": _PATIENCE,
    }
    payload["engine_arguments"] = payload["engine_arguments"] | {"num_gpu_blocks_override": _BLOCKS}
    return replace(usual, task=_TASK, payload=payload)


def trials(scenarios: tuple[Scenario, ...]) -> dict[str, list[str]]:
    """Choose what each mutant is asked: the least in which a fault of its kind can show.

    Returns:
        Names of scenarios: `always`, what is recorded and one batch of unlike
        requests; `items`, several items in a prompt; `cached`, what caches may
        answer.
    """
    together = [one for one in scenarios if one.sent == "together" and one.is_plain]
    batches = [one.name for one in together if len(one.requests) > 1]
    several = [
        one.name for one in together if len(one.requests) == 1 and len(one.requests[0].items) > 1
    ]
    return {
        "always": [one.name for one in scenarios if one.record] + batches[-1:],
        "items": several[:1] + batches[:1],
        "cached": [one.name for one in scenarios if one.sent == "cached"],
    }


@dataclass
class _Bench:
    """Judges what the engine's worker leaves, as it comes."""

    setup: Setup
    subject: Subject
    reference: Path
    out: Path
    progress: Progress | None

    def __post_init__(self) -> None:
        self._judged: dict[int, MutantResult] = {}

    def hear(self, name: str, phase: str) -> None:
        """Judge the folder that the worker says is complete, and remove it."""
        if name != self.subject.name or not phase.startswith(_JUDGING):
            if self.progress is not None and not self._judged:
                self.progress.step(f"{name}: {phase}")
            return
        which = phase.removeprefix(_JUDGING)
        if which == _UNMUTATED:
            if self._usual.outcome is not Outcome.PASSED:
                raise _NotRightError
            return
        number = int(which)
        folder = self.out / _MUTANTS / str(number)
        result = self._judge(self._described[number], folder)
        self._judged[number] = result
        shutil.rmtree(folder)
        done = len(self._judged)
        if self.progress is not None and (not done % _TOLD or result.verdict is Verdict.MISSED):
            line = f"{result.kind}, {result.place}: {result.verdict}"
            self.progress.step(f"{done} of {len(self._described)} mutants, {line}")

    def finish(self, result: dict[str, Any], seconds: float) -> SelfTest:
        """Put all together; `result` is the worker's, empty where it was ended."""
        found: dict[str, int] = result.get("found", {})
        groups = {one["kind"]: one["group"] for one in self._described}
        unmutated = self._usual
        names = [name for group in self._trials.values() for name in group]
        return SelfTest(
            schema=SELF_TEST_SCHEMA,
            implementation=self.subject.implementation,
            model=self.setup.name,
            tiny=self.setup.tiny,
            files=self.subject.files,
            environment=replace(
                unmutated.environment,
                python=result.get("python", "unknown"),
                torch=result.get("torch", "unknown"),
            ),
            unmutated=unmutated.outcome,
            unmutated_failure=unmutated.first_failure,
            repeatable=equal(self.out / _UNMUTATED, self.out / _AGAIN, names),
            restored=equal(self.out / _UNMUTATED, self.out / _RESTORED, names),
            kinds=tuple(KindCount(kind, groups.get(kind, ""), n) for kind, n in found.items()),
            mutants=tuple(self._judged[number] for number in sorted(self._judged)),
            seconds=seconds,
        )

    @cached_property
    def _trials(self) -> dict[str, list[str]]:
        return trials(self.setup.asked.scenarios)

    @cached_property
    def _described(self) -> list[dict[str, Any]]:
        described: list[dict[str, Any]] = self._document("mutants")["mutants"]
        return described

    @cached_property
    def _surroundings(self) -> Surroundings:
        return Surroundings(self._document("mutants")["order"])

    @cached_property
    def _changes(self) -> Changes:
        """What is noise: by how much HF parts from itself, or this implementation from HF."""
        floors = measure_noise(StageFiles(self.reference), self.setup.run_dtype).floors
        modules: dict[tuple[str, str], float] = {}
        for one in self._usual.modules:
            key = (one.scenario, one.vllm)
            modules[key] = max(one.floor or 0.0, one.figure or 0.0, modules.get(key, 0.0))
        floors = replace(
            floors,
            logprobs=max(floors.logprobs or 0.0, _worst(self._usual, _OF_LOGPROBS)),
            features=max(floors.features or 0.0, _worst(self._usual, (Stage.ENCODER,))),
        )
        return Changes(self.out / _UNMUTATED, floors, self.setup.run_dtype, modules)

    @cached_property
    def _usual(self) -> Evidence:
        return self._evidence(self.out / _UNMUTATED, self.setup)

    def _document(self, name: str) -> Any:
        return json.loads((self.out / f"{name}.json").read_text(encoding="utf-8"))

    def _evidence(self, folder: Path, setup: Setup) -> Evidence:
        """Judge a folder just as that of an engine's worker is judged."""
        path = folder / "error.json"
        error = None
        if path.exists():
            error = WorkerError(**json.loads(path.read_text(encoding="utf-8")))
        result = JobResult(self.subject.name, None, error, 0.0, folder / "worker.log")
        return evidence_of(setup, self.subject, self.reference, result)

    def _judge(self, mutant: dict[str, Any], folder: Path) -> MutantResult:
        groups = ("always", *mutant["concerns"])
        names = list(dict.fromkeys(name for group in groups for name in self._trials[group]))
        asked = replace(self.setup, selection=Selection(scenarios=tuple(names)))
        evidence = self._evidence(folder, asked)
        expected = tuple(Stage(stage) for stage in mutant["stages"])
        common: dict[str, Any] = {
            "kind": mutant["kind"],
            "group": mutant["group"],
            "place": mutant["place"],
            "expected": expected,
            "raised": (folder / "error.json").exists(),
            "tokens_agree": self._tokens_agree(folder, names),
            "seconds": json.loads((folder / "tried.json").read_text("utf-8"))["seconds"],
        }
        if equal(self.out / _UNMUTATED, folder, names):
            return MutantResult(verdict=Verdict.WITHOUT_EFFECT, **common)
        change = self._changes.largest(folder, names)
        if evidence.outcome is not Outcome.FAILED:
            small = change is not None and change <= 1.0
            verdict = Verdict.IN_NOISE if small else Verdict.MISSED
            return MutantResult(verdict=verdict, change=change, **common)
        stage = _stage_of(evidence)
        return MutantResult(
            verdict=Verdict.CAUGHT,
            stage=stage,
            right_stage=stage in expected,
            right_place=self._right_place(mutant["place"], stage, evidence),
            divergence=evidence.divergence,
            change=change,
            failure=evidence.first_failure,
            **common,
        )

    def _right_place(self, place: str, stage: Stage, evidence: Evidence) -> bool | None:
        """Whether the module at fault is named; None where the fault or the failure has none."""
        if stage not in _OF_MODULES:
            named = any(one in evidence.first_failure for one in place.split(" + "))
            return True if stage is Stage.WEIGHTS and named else None
        if evidence.divergence is None and not self._was_recorded(stage, evidence):
            return None
        return self._surroundings.right(place, evidence.divergence)

    def _was_recorded(self, stage: Stage, evidence: Evidence) -> bool:
        """Whether a failure is of a scenario in which the modules were recorded."""
        recorded = {one.name for one in self.setup.asked.scenarios if one.record}
        failures = (
            measurement.scenario
            for result in evidence.stages
            for measurement in result.measurements
            if result.stage is stage and measurement.outcome is Outcome.FAILED
        )
        return not recorded.isdisjoint(failures)

    def _tokens_agree(self, folder: Path, names: list[str]) -> bool:
        """Whether every answer has HF's tokens; prompts are not looked at, as few do."""
        for name in names:
            stage = scenario_stage(name)
            wanted = StageFiles(self.reference).document(stage)
            given = StageFiles(folder).document(stage)
            if wanted is None or given is None:
                return False
            for ours, theirs in zip(wanted["requests"], given["requests"], strict=True):
                if ours and theirs and ours["tokens"] != theirs["tokens"]:
                    return False
        return True


def _worst(evidence: Evidence, stages: Collection[Stage]) -> float:
    """The largest figure of some stages."""
    figures = (
        measurement.figure or 0.0
        for result in evidence.stages
        for measurement in result.measurements
        if result.stage in stages and measurement.bound is not None
    )
    return max(figures, default=0.0)


def _stage_of(evidence: Evidence) -> Stage:
    """The stage to which a person is sent: where the modules part, or else the first failure."""
    failed = [stage.stage for stage in evidence.stages if stage.outcome is Outcome.FAILED]
    if evidence.divergence is not None and evidence.divergence.stage in failed:
        before = (Stage.WEIGHTS, Stage.PROCESSOR)
        return failed[0] if failed[0] in before else evidence.divergence.stage
    return failed[0]
