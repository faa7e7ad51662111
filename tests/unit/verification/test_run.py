"""Which jobs are run, when, and what is made of their results; the jobs are not run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mmport.core.errors import WorkerFailed
from mmport.engines.supervise import Job, JobResult, WorkerError
from mmport.model.evidence import Outcome, Stage
from mmport.verification.run import REFERENCE, Setup, compare, compare_with, compute_reference
from mmport.verification.selection import Selection
from mmport.verification.subjects import Subject
from tests.unit.verification.models import KNOWN, UNKNOWN

HF = {"python": "3.11", "transformers": "5.19.0", "torch": "2.13.0", "attention": "sdpa"}
BROKEN = WorkerError("loading", "ValueError", "no module named 'x'", "")


class Runner:
    """Stands in for `run_jobs`: keeps the jobs, and answers them."""

    def __init__(self, **errors: WorkerError) -> None:
        self.batches: list[tuple[list[str], dict[str, Any]]] = []
        self.jobs: dict[str, Job] = {}
        self.errors = errors

    def __call__(self, jobs: Sequence[Job], **options: Any) -> dict[str, JobResult]:
        self.batches.append(([job.name for job in jobs], options))
        results = {}
        for job in jobs:
            self.jobs[job.name] = job
            job.out.mkdir(parents=True, exist_ok=True)
            error = self.errors.get(job.name)
            result = None if error else (HF if job.name == REFERENCE else {"vllm": "0.32.0"})
            if result:
                (job.out / "result.json").write_text(json.dumps(result))
            results[job.name] = JobResult(job.name, result, error, 1.0, job.out / "worker.log")
        return results


def setup(folder: Path, **changes: Any) -> Setup:
    python = Path("python")
    made = Setup(folder / "model", UNKNOWN, "tiny", None, True, python, python, folder / "work")
    return replace(made, **changes)


def test_a_reference_is_computed_once_and_used_from_elsewhere(tmp_path: Path) -> None:
    runner = Runner()
    reference = compute_reference(setup(tmp_path), run=runner)
    elsewhere = setup(tmp_path, work=tmp_path / "other", timeout=9.0)
    for name in ("in-tree", "transformers"):
        compare_with(reference, elsewhere, Subject(name), run=runner)
    assert [names for names, _ in runner.batches] == [[REFERENCE], ["in-tree"], ["transformers"]]
    job = runner.jobs["in-tree"]
    assert job.payload["reference"] == str(reference.resolve())
    assert job.out == tmp_path / "other" / "in-tree"
    assert runner.batches[1][1]["timeout"] == 9.0


def test_a_reference_of_other_questions_is_refused(tmp_path: Path) -> None:
    runner = Runner()
    reference = compute_reference(setup(tmp_path), run=runner)
    for changed in (
        setup(tmp_path, facts=replace(UNKNOWN, question="{items} What else?")),
        setup(tmp_path, dtype="bfloat16"),
    ):
        with pytest.raises(WorkerFailed, match="other questions"):
            compare_with(reference, changed, Subject("in-tree"), run=runner)
    with pytest.raises(WorkerFailed, match="other questions"):
        compare_with(tmp_path / "nothing", setup(tmp_path), Subject("in-tree"), run=runner)


def test_the_first_subject_runs_beside_the_reference(tmp_path: Path) -> None:
    runner = Runner()
    subjects = [Subject("in-tree"), Subject("transformers")]
    evidence = compare(setup(tmp_path), subjects, run=runner)
    assert [names for names, _ in runner.batches] == [[REFERENCE, "in-tree"], ["transformers"]]
    assert runner.batches[0][1]["fail_fast"] == (REFERENCE,)
    assert [one.implementation for one in evidence] == ["in-tree", "transformers"]
    assert evidence[0].environment.hf_attention == "sdpa"


def test_answers_of_an_earlier_run_are_not_judged(tmp_path: Path) -> None:
    stale = tmp_path / "work" / REFERENCE / "scenario-text.json"
    stale.parent.mkdir(parents=True)
    stale.write_text("{}")
    compare(setup(tmp_path), [Subject("in-tree")], run=Runner())
    assert not stale.exists()


def test_a_class_that_does_not_load_is_a_failure_and_a_broken_reference_an_error(
    tmp_path: Path,
) -> None:
    runner = Runner(**{"in-tree": BROKEN})
    (evidence,) = compare(setup(tmp_path), [Subject("in-tree")], run=runner)
    assert evidence.outcome is Outcome.FAILED
    assert evidence.required == (Stage.PROCESSOR, Stage.LOGITS, Stage.GENERATION)
    with pytest.raises(WorkerFailed, match="HF could not compute the reference"):
        compute_reference(setup(tmp_path), run=Runner(reference=BROKEN))


def test_an_engine_that_cannot_be_imported_is_no_failure_of_the_class(tmp_path: Path) -> None:
    error = WorkerError("importing vllm", "ImportError", "no such library", "")
    with pytest.raises(WorkerFailed, match="does not work"):
        compare(setup(tmp_path), [Subject("in-tree")], run=Runner(**{"in-tree": error}))


@pytest.mark.parametrize(
    ("implementation", "expected"),
    [("port", "vllm"), ("in-tree", "vllm"), ("transformers", "transformers")],
)
def test_no_implementation_may_stand_in_for_another(
    tmp_path: Path, implementation: Any, expected: str
) -> None:
    runner = Runner()
    compare(setup(tmp_path), [Subject(implementation)], run=runner)
    assert runner.jobs[implementation].payload["model_impl"] == expected


def test_the_model_decides_on_the_dtype_if_it_can_run_in_one_alone(tmp_path: Path) -> None:
    runner = Runner()
    given = setup(tmp_path, facts=replace(UNKNOWN, dtype="bfloat16"))
    (evidence,) = compare(given, [Subject("in-tree")], run=runner)
    assert {job.payload["dtype"] for job in runner.jobs.values()} == {"bfloat16"}
    assert evidence.environment.dtype == "bfloat16"


def test_embeddings_are_let_in_where_they_are_asked_for(tmp_path: Path) -> None:
    for chosen, expected in (((), True), (("text", "image"), False)):
        runner = Runner()
        given = setup(tmp_path, selection=Selection(scenarios=chosen))
        compare(given, [Subject("in-tree")], run=runner)
        payload = runner.jobs["in-tree"].payload
        assert payload["enable_mm_embeds"] is expected
        assert payload["limit_mm_per_prompt"] == {"image": 3, "video": 0, "audio": 0}


def test_weights_have_to_be_traced_where_the_parts_are_known(tmp_path: Path) -> None:
    for facts, expected in ((KNOWN, True), (UNKNOWN, False)):
        runner = Runner()
        compare(setup(tmp_path, facts=facts), [Subject("in-tree")], run=runner)
        assert runner.jobs["in-tree"].payload["trace_weights"] is expected


def test_more_ranks_are_asked_after_the_usual_engine(tmp_path: Path) -> None:
    runner = Runner()
    (evidence,) = compare(setup(tmp_path, tensor_parallel=2), [Subject("in-tree")], run=runner)
    assert [names for names, _ in runner.batches] == [[REFERENCE, "in-tree"], ["in-tree-tp2"]]
    assert evidence.outcome is Outcome.NOT_RUN  # the runner answers nothing


def test_a_rank_that_dies_fails_the_implementation(tmp_path: Path) -> None:
    runner = Runner(**{"in-tree-tp2": BROKEN})
    (evidence,) = compare(setup(tmp_path, tensor_parallel=2), [Subject("in-tree")], run=runner)
    assert evidence.outcome is Outcome.FAILED
    assert evidence.first_failure.startswith("logits / loading (tp 2) / engine: ValueError")


def test_a_part_of_the_questions_proves_a_part(tmp_path: Path) -> None:
    runner = Runner()
    chosen = Selection((Stage.PROCESSOR,))
    (evidence,) = compare(setup(tmp_path, selection=chosen), [Subject("in-tree")], run=runner)
    assert evidence.required == (Stage.PROCESSOR,)
    payloads = [job.payload for job in runner.jobs.values()]
    assert [payload["runs_model"] for payload in payloads] == [False, False]
    assert [payload["runs_processor"] for payload in payloads] == [True, True]


def test_code_of_the_repo_runs_on_neither_side_unless_asked(tmp_path: Path) -> None:
    for trusted in (False, True):
        runner = Runner()
        compare(setup(tmp_path, trust_remote_code=trusted), [Subject("in-tree")], run=runner)
        assert {job.payload["trust_remote_code"] for job in runner.jobs.values()} == {trusted}
