from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from mmport.engines.supervise import WorkerError
from mmport.model.evidence import Outcome, Stage, StageResult
from mmport.verification.bounds import BOUNDS
from mmport.verification.cases import Request, Scenario
from mmport.verification.referee import describe, first_failure, judge
from mmport.verification.stage_files import StageFiles

SCENARIOS = (
    Scenario("image", (Request("<image> what", ((8, 8, 1),)),)),
    Scenario("image embeddings", (Request("<image> what", ((8, 8, 1),)),), embeds=True),
)
VOCABULARY = 5


class Side:
    """Writes what a worker would."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder

    def write(self, stage: str, document: Any, tensors: dict[str, Any] | None = None) -> None:
        (self.folder / f"{stage}.json").write_text(json.dumps(document))
        if tensors is not None:
            save_file(tensors, self.folder / f"{stage}.safetensors")

    def write_processor(self, ids: list[int], pixels: float = 0.5) -> None:
        document = {"8x8": {"ids": ids, "spans": [[0, 2]]}}
        self.write("processor", document, {"8x8": np.full((1, 3, 8, 8), pixels, np.float32)})

    def write_scenario(
        self,
        name: str,
        *,
        tokens: list[int],
        engine: bool,
        shift: float = 0.0,
        scale: float = 1.0,
        tie: bool = False,
    ) -> None:
        logprobs = np.log(np.arange(1, VOCABULARY + 1, dtype=np.float32) / 15) + shift
        logprobs[3] = logprobs[4] if tie else logprobs[3]
        request: dict[str, Any] = {"prompt": [3, 3, 1], "tokens": tokens}
        tensors = {"0/prompt": np.full(2, -1.0 + shift, np.float32)}
        if engine:
            request["steps"] = [{"4": float(logprobs[4])} for _ in tokens]
        else:
            tensors["0/steps"] = np.stack([logprobs for _ in tokens])
        for kind in ("input", "output"):
            tensors[f"connector/{kind}"] = np.arange(8, dtype=np.float32).reshape(2, 4) * scale
        self.write(f"scenario-{name}", {"requests": [request]}, tensors)


@pytest.fixture
def sides(tmp_path: Path) -> tuple[Side, Side]:
    reference, candidate = Side(tmp_path / "hf"), Side(tmp_path / "vllm")
    for side in (reference, candidate):
        side.write_processor([3, 3, 1])
        for scenario in SCENARIOS:
            side.write_scenario(scenario.name, tokens=[4, 4], engine=side is candidate)
    reference.write("weights", {"unused": [], "tied": []})
    landing = {"tensor": "a", "parameter": "a", "elements": 1, "first": 0, "last": 0}
    trace: dict[str, Any] = {"tensors": {"a": 1}, "landings": [landing], "rearranged": []}
    trace |= {name: {} for name in ("unfilled", "padding", "altered", "aliases", "packed")}
    trace |= {"landed": {"a": {"elements": 1, "distinct": 1}}, "elements": True}
    candidate.write("weights", trace)
    return reference, candidate


def verdict(sides: tuple[Side, Side], error: WorkerError | None = None) -> tuple[StageResult, ...]:
    files = [StageFiles(side.folder) for side in sides]
    return judge(files[0], files[1], SCENARIOS, "vision_tower", BOUNDS["float32"], error)


def outcomes(stages: tuple[StageResult, ...]) -> dict[Stage, Outcome]:
    return {stage.stage: stage.outcome for stage in stages}


def test_equal_sides_pass_every_stage(sides: tuple[Side, Side]) -> None:
    stages = verdict(sides)
    assert set(outcomes(stages).values()) == {Outcome.PASSED}
    assert first_failure(stages) is None


def test_other_token_ids_fail_the_processor(sides: tuple[Side, Side]) -> None:
    sides[1].write_processor([3, 1])
    failure = first_failure(verdict(sides))
    assert failure is not None
    assert describe(failure) == "processor / 8x8 / token ids: at 1: 1, expected 3"


def test_features_of_another_scale_fail_the_encoder(sides: tuple[Side, Side]) -> None:
    sides[1].write_scenario("image", tokens=[4, 4], engine=True, scale=1.1)
    failure = first_failure(verdict(sides))
    assert failure is not None
    assert (failure.stage, failure.subject) == (Stage.ENCODER, "tower")


def test_other_logprobs_fail_logits_and_generation(sides: tuple[Side, Side]) -> None:
    sides[1].write_scenario("image", tokens=[4, 4], engine=True, shift=0.1)
    found = outcomes(verdict(sides))
    assert found[Stage.ENCODER] is Outcome.PASSED
    assert found[Stage.LOGITS] is found[Stage.GENERATION] is Outcome.FAILED


def test_other_tokens_fail_generation_alone(sides: tuple[Side, Side]) -> None:
    sides[1].write_scenario("image", tokens=[4, 2], engine=True)
    found = outcomes(verdict(sides))
    assert found[Stage.LOGITS] is Outcome.PASSED
    assert found[Stage.GENERATION] is Outcome.FAILED


def test_tokens_may_part_where_hf_has_no_favourite(sides: tuple[Side, Side]) -> None:
    """The last two of the vocabulary are made equal: either is the greedy token."""
    for side in sides:
        side.write_scenario("image", tokens=[4, 4], engine=side is sides[1], tie=True)
    sides[1].write_scenario("image", tokens=[4, 3], engine=True, tie=True)
    stages = verdict(sides)
    assert outcomes(stages)[Stage.GENERATION] is Outcome.PASSED
    notes = [item.detail for item in stages[4].measurements if item.subject == "greedy tokens 0"]
    assert any("HF's own choice at 1" in note for note in notes)


@pytest.mark.parametrize("step", [0, 1])
def test_a_logprob_that_is_no_number_fails_wherever_it_is(
    sides: tuple[Side, Side], step: int
) -> None:
    path = sides[1].folder / "scenario-image.json"
    document = json.loads(path.read_text())
    document["requests"][0]["steps"][step]["4"] = float("nan")
    path.write_text(json.dumps(document))
    assert outcomes(verdict(sides))[Stage.GENERATION] is Outcome.FAILED


def test_a_connector_that_did_not_run_fails_the_encoder(sides: tuple[Side, Side]) -> None:
    for side in sides:
        file = side.folder / "scenario-image.safetensors"
        kept = {name: value for name, value in load_file(file).items() if "connector" not in name}
        save_file(kept, file)
        failure = first_failure(verdict(sides))
        assert failure is not None
        assert (failure.stage, failure.subject) == (Stage.ENCODER, "tower")
        assert "did not run" in failure.detail


def test_an_engine_that_raised_fails_its_stage_and_leaves_the_rest_unrun(tmp_path: Path) -> None:
    reference, candidate = Side(tmp_path / "hf"), Side(tmp_path / "vllm")
    reference.write_processor([3, 3, 1])
    candidate.write_processor([3, 3, 1])
    error = WorkerError("loading", "ValueError", "no module named 'x'", "")
    stages = verdict((reference, candidate), error)
    assert outcomes(stages) == {
        Stage.WEIGHTS: Outcome.FAILED,
        Stage.PROCESSOR: Outcome.PASSED,
        Stage.ENCODER: Outcome.NOT_RUN,
        Stage.LOGITS: Outcome.NOT_RUN,
        Stage.GENERATION: Outcome.NOT_RUN,
    }
    failure = first_failure(stages)
    assert failure is not None
    assert describe(failure) == "weights / loading / engine: ValueError: no module named 'x'"
    assert "loading" in stages[2].reason


def test_a_long_detail_is_cut_in_a_line_and_kept_in_the_evidence(sides: tuple[Side, Side]) -> None:
    error = WorkerError("running image", "ValueError", "x" * 1000, "")
    failure = first_failure(verdict(sides, error))
    assert failure is not None
    assert len(failure.detail) > 1000
    assert len(describe(failure)) < 350
