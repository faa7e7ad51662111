"""How mutants are judged, and what is made of it; the engine is a stand-in that writes files."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from mmport.core.errors import WorkerFailed
from mmport.engines.supervise import Job, JobResult, RunJobs, WorkerError
from mmport.model.evidence import Outcome, Stage
from mmport.model.self_test import SelfTest, Verdict
from mmport.verification.cases import Scenario
from mmport.verification.questions import scenarios
from mmport.verification.run import REFERENCE, Setup
from mmport.verification.self_test import run_self_test, trials
from mmport.verification.self_test_pages import conclusion, rows, self_test_markdown
from mmport.verification.subjects import Subject
from tests.unit.verification.models import UNKNOWN
from tests.unit.verification.sides import Sides

PROCESSED = {"32x32": {"ids": [1, 3, 3, 2], "positions": [1, 2], "spans": [[1, 2]]}}
Change = Callable[[Sides], None]


def nothing(sides: Sides) -> None:
    """Leave a run as it is."""


def other_logprobs(sides: Sides) -> None:
    sides.vllm_tensors["0/prompt"] = sides.vllm_tensors["0/prompt"] + 1


def hardly_other_logprobs(sides: Sides) -> None:
    sides.vllm_tensors["0/prompt"] = sides.vllm_tensors["0/prompt"] + 6e-8


def unnoticed_logprobs(sides: Sides) -> None:
    """More than the noise, and less than the bound."""
    sides.vllm_tensors["0/prompt"] = sides.vllm_tensors["0/prompt"] + 1e-6


def other_tokens(sides: Sides) -> None:
    other_logprobs(sides)
    for answer in sides.vllm:
        if answer is not None:
            answer["tokens"] = [3, *answer["tokens"][1:]]


@dataclass
class Engine:
    """Stands in for `run_jobs`: writes what the workers would, and tells of it."""

    changes: Sequence[Change]
    unmutated: Change = nothing
    again: Change = nothing
    restored: Change = nothing
    errors: dict[int, dict[str, str]] = field(default_factory=dict)
    job: Job | None = None
    left: list[str] = field(default_factory=list)

    def __call__(self, jobs: Sequence[Job], **options: Any) -> dict[str, JobResult]:
        reference, self.job = jobs
        out = self.job.out
        described = [
            {
                "kind": change.__name__,
                "group": "steps",
                "place": "compute_logits",
                "stages": ["logits"],
                "concerns": [],
            }
            for change in self.changes
        ]
        out.mkdir(parents=True)
        (out / "mutants.json").write_text(json.dumps({"mutants": described, "order": []}))
        for name, change in (
            ("unmutated", self.unmutated),
            ("again", self.again),
            ("restored", self.restored),
        ):
            self.write(reference.out, out / name, change)
        (reference.out / "result.json").write_text("{}")
        tell = options["progress"]
        tell("in-tree", "judging unmutated")
        for number, change in enumerate(self.changes):
            folder = out / "mutants" / str(number)
            self.write(reference.out, folder, change)
            if number in self.errors:
                (folder / "error.json").write_text(json.dumps(self.errors[number]))
            tell("in-tree", f"judging {number}")
        self.left = [path.name for path in (out / "mutants").glob("*")]
        found = {"found": {one["kind"]: 2 for one in described}, "vllm": "0.32.0"}
        return {
            REFERENCE: JobResult(REFERENCE, {}, None, 1.0, reference.out / "worker.log"),
            "in-tree": JobResult("in-tree", found, None, 1.0, out / "worker.log"),
        }

    def write(self, hf: Path, vllm: Path, change: Change) -> None:
        """Write a whole run of both sides."""
        for scenario in scenarios(UNKNOWN):
            sides = Sides(hf.parent / "both", scenario)
            sides.control = 0 if scenario.sent == "cached" else None
            for answer in sides.vllm:
                if answer is not None:
                    answer |= {"cached": 0, "pieces": [2, 2]}
            change(sides)
            for files, folder in zip(sides.files(), (hf, vllm), strict=True):
                folder.mkdir(parents=True, exist_ok=True)
                for path in files.folder.iterdir():
                    path.rename(folder / path.name)
        for folder in (hf, vllm):
            (folder / "processor.json").write_text(json.dumps(PROCESSED))
            from safetensors.numpy import save_file

            save_file({}, folder / "processor.safetensors")
        (vllm / "tried.json").write_text(json.dumps({"seconds": 0.5}))


def outcome_of(folder: Path, engine: RunJobs) -> SelfTest:
    python = Path("python")
    setup = Setup(folder / "model", UNKNOWN, "tiny", None, True, python, python, folder / "work")
    return run_self_test(setup, Subject("in-tree"), limit=9, run=engine)


def test_each_mutant_gets_its_verdict(tmp_path: Path) -> None:
    changes = [nothing, hardly_other_logprobs, unnoticed_logprobs, other_logprobs, other_tokens]
    engine = Engine(changes)
    result = outcome_of(tmp_path, engine)
    assert result.unmutated is Outcome.PASSED, result.unmutated_failure
    assert [one.verdict for one in result.mutants] == [
        Verdict.WITHOUT_EFFECT,
        Verdict.IN_NOISE,
        Verdict.MISSED,
        Verdict.CAUGHT,
        Verdict.CAUGHT,
    ]
    assert engine.left == []
    caught = result.mutants[3:]
    assert [one.tokens_agree for one in caught] == [True, False]
    assert all(one.stage is Stage.LOGITS and one.right_stage for one in caught)
    assert not result.passed
    assert [one.kind for one in result.missed] == ["unnoticed_logprobs"]


def test_a_test_passes_where_all_that_matters_was_caught(tmp_path: Path) -> None:
    assert outcome_of(tmp_path, Engine([nothing, other_logprobs])).passed


@pytest.mark.parametrize(
    ("engine", "said"),
    [
        (Engine([other_logprobs], again=hardly_other_logprobs), "same bits"),
        (Engine([other_logprobs], restored=other_tokens), "taken back"),
        (Engine([]), "no mutant"),
        (Engine([other_logprobs], unmutated=other_tokens), "does not pass: logits"),
    ],
)
def test_a_test_that_says_nothing_does_not_pass(tmp_path: Path, engine: Engine, said: str) -> None:
    result = outcome_of(tmp_path, engine)
    assert not result.passed
    assert said in conclusion(result)


def test_a_mutant_that_raises_is_caught_where_it_raised(tmp_path: Path) -> None:
    error = {"phase": "running image", "type": "ValueError", "message": "no", "traceback": ""}
    (one,) = outcome_of(tmp_path, Engine([nothing], errors={0: error})).mutants
    assert one.verdict is Verdict.CAUGHT
    assert one.raised
    assert not one.right_stage


def test_an_engine_that_does_not_work_is_no_finding(tmp_path: Path) -> None:
    broken = WorkerError("importing vllm", "ImportError", "no vllm", "")

    def run(jobs: Sequence[Job], **options: Any) -> dict[str, JobResult]:
        reference, job = jobs
        return {
            REFERENCE: JobResult(REFERENCE, {}, None, 1.0, reference.out / "worker.log"),
            job.name: JobResult(job.name, None, broken, 1.0, job.out / "worker.log"),
        }

    with pytest.raises(WorkerFailed, match="does not work"):
        outcome_of(tmp_path, run)


def test_the_job_is_that_of_the_engine_with_what_to_mutate(tmp_path: Path) -> None:
    engine = Engine([nothing])
    outcome_of(tmp_path, engine)
    assert engine.job is not None
    assert engine.job.task == "self_test"
    assert engine.job.payload["limit"] == 9
    assert engine.job.payload["trials"] == trials(scenarios(UNKNOWN))


def test_what_each_mutant_is_asked() -> None:
    asked = scenarios(UNKNOWN)
    chosen = trials(asked)
    by_name: dict[str, Scenario] = {one.name: one for one in asked}
    assert {"text", "image"} < set(chosen["always"])
    assert any(len(by_name[name].requests) > 1 for name in chosen["always"])
    assert any(len(by_name[name].requests[0].items) > 1 for name in chosen["items"])
    assert [by_name[name].sent for name in chosen["cached"]] == ["cached"]


def test_the_table_counts_by_kind_over_several_tests(tmp_path: Path) -> None:
    result = outcome_of(tmp_path, Engine([other_logprobs, other_tokens, nothing]))
    counted = rows([result, result])
    assert [row.kind for row in counted] == ["other_logprobs", "other_tokens", "nothing", "all"]
    assert counted[0].cells()[:6] == ("other_logprobs", "2 (4)", "", "", "2", "2")
    assert counted[-1].cells()[-1] == "2"
    page = self_test_markdown([result, replace(result, model="an_other*model")])
    assert "| other\\_logprobs |" in page or "| other_logprobs |" in page
    assert "### an_other\\*model" in page
