from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from mmport.engines.supervise import JobResult, WorkerError
from mmport.model.evidence import Outcome, Stage
from mmport.verification.bounds import Floors, make_bounds
from mmport.verification.jobs import Setup, subject_job
from mmport.verification.other_engines import judge_other, other_engines, other_job
from mmport.verification.selection import Selection
from mmport.verification.stage_files import StageFiles
from mmport.verification.subjects import Subject
from tests.unit.verification.models import KNOWN

BOUNDS = make_bounds("float32", Floors(logprobs=1e-4))


@pytest.fixture
def setup(tmp_path: Path) -> Setup:
    python = Path("python")
    made = Setup(tmp_path / "model", KNOWN, "tiny", None, True, python, python, tmp_path / "work")
    return replace(made, tensor_parallel=2, selection=Selection(scenarios=("text", "alone")))


def write(folder: Path, token: int, logprob: float) -> None:
    """One answer of one token, on either side."""
    folder.mkdir(parents=True)
    request: dict[str, Any] = {"prompt": [1, 2], "tokens": [token], "steps": [{"0": logprob}]}
    document = {"requests": [request], "left_out": {}}
    (folder / "scenario-text.json").write_text(json.dumps(document))
    tensors = {
        "0/prompt": np.full(1, -1.0, np.float32),
        "0/steps": np.log(np.full((1, 4), 0.25, np.float32)),
    }
    save_file(tensors, folder / "scenario-text.safetensors")


def result(folder: Path, error: WorkerError | None = None) -> JobResult:
    return JobResult("in-tree-tp2", None if error else {}, error, 1.0, folder / "worker.log")


def test_the_ranks_are_asked_what_any_engine_can_be(setup: Setup, tmp_path: Path) -> None:
    subject = Subject("in-tree")
    usual = subject_job(setup, subject, tmp_path)
    (ranks,) = other_engines(setup)
    job = other_job(setup, subject, tmp_path, ranks)
    assert usual.payload["tensor_parallel"] == 1
    assert (job.name, job.out) == ("in-tree-tp2", setup.work / "in-tree-tp2")
    assert job.payload["tensor_parallel"] == 2
    asked: list[list[dict[str, Any]]] = [
        json.loads(json.dumps(one.payload["scenarios"])) for one in (usual, job)
    ]
    assert [[one["name"] for one in part] for part in asked] == [["text", "alone"], ["text"]]
    assert not any(one["record"] for one in asked[1])
    assert job.environment["VLLM_CPU_OMP_THREADS_BIND"] == "0|1"
    assert not job.payload["observes"]
    (on_gpu,) = other_engines(replace(setup, gpu=True))
    gpu = other_job(setup, subject, tmp_path, on_gpu)
    assert "VLLM_CPU_OMP_THREADS_BIND" not in gpu.environment


def test_a_compiled_engine_is_an_engine_of_its_own(setup: Setup, tmp_path: Path) -> None:
    subject = Subject("port")
    plain = replace(setup, tensor_parallel=1)
    assert other_engines(plain) == ()
    (compiled,) = other_engines(replace(plain, compiled=True))
    job = other_job(plain, subject, tmp_path, compiled)
    assert (job.name, job.payload["compiled"]) == ("port-compiled", True)
    assert not subject_job(plain, subject, tmp_path).payload["compiled"]


@pytest.mark.parametrize(("shift", "outcome"), [(0.0, Outcome.PASSED), (0.5, Outcome.FAILED)])
def test_the_ranks_are_held_to_hf_by_the_same_bounds(
    setup: Setup, tmp_path: Path, shift: float, outcome: Outcome
) -> None:
    write(tmp_path / "hf", 0, 0.0)
    write(tmp_path / "ranks", 0, float(np.log(0.25)) + shift)
    ranks = result(tmp_path / "ranks")
    measured = list(
        judge_other(setup, other_engines(setup)[0], StageFiles(tmp_path / "hf"), ranks, BOUNDS)
    )
    assert {one.scenario for one in measured} == {"text (tp 2)"}
    by_subject = {one.subject: one for one in measured}
    assert by_subject["answer 0"].outcome is outcome
    assert by_subject["greedy tokens 0"].outcome is Outcome.PASSED


@pytest.mark.parametrize(
    ("phase", "outcome", "scenario"),
    [
        ("configuring", Outcome.NOT_RUN, "configuring (tp 2)"),
        ("running text", Outcome.FAILED, "text (tp 2)"),
        ("starting", Outcome.FAILED, "starting (tp 2)"),
    ],
)
def test_an_engine_that_refuses_to_divide_a_model_has_no_finding_and_one_that_dies_has(
    setup: Setup, tmp_path: Path, phase: str, outcome: Outcome, scenario: str
) -> None:
    write(tmp_path / "hf", 0, 0.0)
    (tmp_path / "ranks").mkdir()
    error = WorkerError(phase, "ValueError", "3 heads cannot be divided by 2", "")
    ranks = result(tmp_path / "ranks", error)
    (told,) = judge_other(
        setup, other_engines(setup)[0], StageFiles(tmp_path / "hf"), ranks, BOUNDS
    )
    assert (told.stage, told.scenario, told.outcome) == (Stage.LOGITS, scenario, outcome)
    assert "3 heads" in told.detail
