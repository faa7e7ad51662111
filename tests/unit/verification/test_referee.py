from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from mmport.engines.supervise import WorkerError
from mmport.model.evidence import Divergence, Measurement, Outcome, Stage, StageResult
from mmport.model.facts import ModelFacts
from mmport.verification.bounds import make_bounds
from mmport.verification.cases import Item, Request, Scenario
from mmport.verification.referee import describe, first_failure, judge, outcome, required_stages
from mmport.verification.stage_files import StageFiles
from tests.unit.verification.models import KNOWN, UNKNOWN
from tests.unit.verification.records import write_record

REQUEST = Request("<image> what", (Item("image", 1, 8, 8),))
SCENARIOS = (
    Scenario("image", (REQUEST,), record=True),
    Scenario("image embeddings", (REQUEST,), embeds=True),
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
        places = [place for place, token in enumerate(ids) if token == 3]
        case = {"ids": ids, "spans": [[0, 2]], "positions": places, "embeddings": {"image": [2]}}
        values = np.full((1, 3, 8, 8), pixels, np.float32)
        self.write("processor", {"8x8": case}, {"8x8/pixel_values": values})

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
            group = "connector" if engine else "connector/0"
            tensors[f"{group}/{kind}"] = np.arange(8, dtype=np.float32).reshape(2, 4) * scale
        call = "features/0" if engine else "features/0/0"
        tensors[call] = np.arange(8, dtype=np.float32).reshape(2, 4) * scale
        self.write(f"scenario-{name}", {"requests": [request]}, tensors)


@pytest.fixture
def sides(tmp_path: Path) -> tuple[Side, Side]:
    reference, candidate = Side(tmp_path / "hf"), Side(tmp_path / "vllm")
    for side in (reference, candidate):
        side.write_processor([3, 3, 1])
        for scenario in SCENARIOS:
            side.write_scenario(scenario.name, tokens=[4, 4], engine=side is candidate)
    reference.write("weights", {"unused": [], "tied": [], "sources": SOURCES})
    landing = {"tensor": "a", "parameter": "a", "elements": 1, "first": 0, "last": 0}
    trace: dict[str, Any] = {"tensors": {"a": 1}, "landings": [landing], "rearranged": []}
    trace |= {name: {} for name in ("unfilled", "padding", "altered", "aliases", "packed")}
    trace |= {"landed": {"a": {"elements": 1, "distinct": 1}}, "elements": True}
    candidate.write("weights", trace | {"sources": SOURCES})
    candidate.write("budget", BUDGET)
    for side in (reference, candidate):
        write_modules(side, engine=side is candidate)
    return reference, candidate


SOURCES = {f"{name}.weight": [(0, name, 0, 4)] for name in ("projector", "layers.0.norm")}
BUDGET: dict[str, Any] = {
    "counts": "tokens",
    "modalities": {
        "image": {
            "declared": 2,
            "states": True,
            "dummy": {"tokens": 2, "embeddings": 2, "item": "8x8"},
            "largest": "8x8",
            "taken": {"tokens": 2, "embeddings": 2},
            "several": [],
            "tried": 1,
            "refused": "",
            "seed": 0,
        }
    },
}


def write_modules(side: Side, *, engine: bool, off: str = "") -> None:
    """Write a recording of a projector and a layer; `off`: whose output is another."""
    rows = np.arange(8, dtype=np.float32).reshape(2, 4)

    def output(module: str) -> dict[str, Any]:
        return {"output": rows + (module == off)}

    names: dict[str, Any] = {
        "inputs_embeds": rows,
        "positions" if engine else "position_ids": np.arange(2),
    }
    modules = [(name, {"input": rows}, output(name)) for name in ("projector", "layers.0.norm")]
    root: Any = ("" if engine else "layers", names, {"output": rows})
    write_record(side.folder / "capture-image", [modules[0], root, modules[1]])
    described = {
        name: {"kind": "Linear", "source": "package/model.py:1-9", "eps": 1e-5}
        for name in ("projector", "layers.0.norm")
    }
    document = {"modules": described, "decoder": "layers", "embeddings": "embed", "head": "head"}
    side.write("modules", document)


def parted(sides: tuple[Side, Side]) -> Divergence:
    files = [StageFiles(side.folder) for side in sides]
    found = judge(files[0], files[1], SCENARIOS, KNOWN, make_bounds("float32"), None).divergence
    assert found is not None
    return found


def test_the_module_that_differs_is_named(sides: tuple[Side, Side]) -> None:
    write_modules(sides[1], engine=True, off="projector")
    found = parted(sides)
    assert (found.kind, found.stage) == ("node", Stage.ENCODER)
    assert (found.hf.module, found.vllm.module) == ("projector", "projector")
    assert found.vllm.source == "package/model.py:1-9"


def test_equal_hidden_states_and_other_logprobs_are_the_head(sides: tuple[Side, Side]) -> None:
    sides[1].write_scenario("image", tokens=[4, 4], engine=True, shift=-0.5)
    found = parted(sides)
    assert (found.kind, found.stage, found.hf.module) == ("edge", Stage.LOGITS, "head")
    assert found.after_vllm is not None
    assert found.after_vllm.module == "layers.0.norm"


def test_another_epsilon_is_found_where_no_figure_shows_it(sides: tuple[Side, Side]) -> None:
    document = json.loads((sides[1].folder / "modules.json").read_text())
    document["modules"]["layers.0.norm"]["eps"] = 1e-6
    sides[1].write("modules", document)
    failure = first_failure(verdict(sides))
    assert failure is not None
    assert (failure.stage, failure.subject) == (Stage.WEIGHTS, "epsilons")


def test_names_of_adapters_that_lead_nowhere_are_a_finding(sides: tuple[Side, Side]) -> None:
    document = json.loads((sides[1].folder / "modules.json").read_text())
    lost = {"layers": 4, "found": 0, "lost": "tower.q to vision.q"}
    document["targets"] = {"ignored": {}, "adapted": {"tower": lost}, "prefixes": {"tower.": 0}}
    sides[1].write("modules", document)
    failure = first_failure(verdict(sides))
    assert failure is not None
    assert (failure.stage, failure.subject) == (Stage.WEIGHTS, "LoRA targets")
    assert "tower.q to vision.q" in failure.detail


def test_a_load_that_could_not_be_traced_is_said(sides: tuple[Side, Side]) -> None:
    sides[1].write("weights", {"untraced": "ValueError: no such value"})
    stages = verdict(sides, facts=UNKNOWN)
    assert outcomes(stages)[Stage.WEIGHTS] is Outcome.NOT_RUN
    assert "no such value" in stages[0].reason


def verdict(
    sides: tuple[Side, Side], error: WorkerError | None = None, facts: ModelFacts = KNOWN
) -> tuple[StageResult, ...]:
    files = [StageFiles(side.folder) for side in sides]
    return judge(files[0], files[1], SCENARIOS, facts, make_bounds("float32"), error).stages


def change(side: Side, stage: str, edit: Callable[[dict[str, Any]], None]) -> None:
    """Edit a stage's tensors in place."""
    file = side.folder / f"{stage}.safetensors"
    tensors = dict(load_file(file))
    edit(tensors)
    save_file(tensors, file)


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
    text = "processor / 8x8 / placeholder positions: 1 positions, expected 2 (image: [2])"
    assert describe(failure) == text


def test_features_of_another_scale_fail_the_encoder(sides: tuple[Side, Side]) -> None:
    sides[1].write_scenario("image", tokens=[4, 4], engine=True, scale=1.1)
    failure = first_failure(verdict(sides))
    assert failure is not None
    assert (failure.stage, failure.subject) == (Stage.ENCODER, "tower")


def test_other_logprobs_fail_the_logits_alone(sides: tuple[Side, Side]) -> None:
    sides[1].write_scenario("image", tokens=[4, 4], engine=True, shift=0.1)
    found = outcomes(verdict(sides))
    assert found[Stage.ENCODER] is found[Stage.GENERATION] is Outcome.PASSED
    assert found[Stage.LOGITS] is Outcome.FAILED


def test_other_tokens_fail_generation_alone(sides: tuple[Side, Side]) -> None:
    sides[1].write_scenario("image", tokens=[4, 2], engine=True)
    found = outcomes(verdict(sides))
    assert found[Stage.LOGITS] is Outcome.PASSED
    assert found[Stage.GENERATION] is Outcome.FAILED


@pytest.mark.parametrize("step", [0, 1])
def test_a_logprob_that_is_no_number_fails_wherever_it_is(
    sides: tuple[Side, Side], step: int
) -> None:
    path = sides[1].folder / "scenario-image.json"
    document = json.loads(path.read_text())
    document["requests"][0]["steps"][step]["4"] = float("nan")
    path.write_text(json.dumps(document))
    assert outcomes(verdict(sides))[Stage.LOGITS] is Outcome.FAILED


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
        **dict.fromkeys(tuple(Stage)[2:], Outcome.NOT_RUN),
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


def named(stages: tuple[StageResult, ...], subject: str) -> list[Measurement]:
    return [item for stage in stages for item in stage.measurements if item.subject == subject]


def test_other_prompt_ids_of_a_scenario_fail_the_processor(sides: tuple[Side, Side]) -> None:
    path = sides[1].folder / "scenario-image.json"
    document = json.loads(path.read_text())
    document["requests"][0]["prompt"] = [3, 1, 3]
    path.write_text(json.dumps(document))
    failure = first_failure(verdict(sides))
    assert failure is not None
    assert describe(failure) == "processor / image / prompt ids 0: at 1: 1, expected 3"


def test_what_hf_refuses_is_left_out_and_said(sides: tuple[Side, Side]) -> None:
    refused = {"requests": [None], "left_out": {"0": "ValueError: needs an image"}}
    sides[0].write("scenario-image embeddings", refused, {})
    sides[1].write("scenario-image embeddings", {"requests": [None], "left_out": {}}, {})
    stages = verdict(sides)
    assert set(outcomes(stages).values()) == {Outcome.PASSED}
    (note,) = named(stages, "request 0")
    assert note.outcome is Outcome.NOT_RUN
    assert "needs an image" in note.detail


def test_what_a_class_takes_no_part_in_is_left_out_and_said(sides: tuple[Side, Side]) -> None:
    told = "takes at most 1 image items in a prompt"
    document = {"requests": [None], "left_out": {"0": told}}
    sides[1].write("scenario-image embeddings", document, {})
    sides[1].write("processor", {"8x8": {"left_out": told}}, {})
    stages = verdict(sides)
    assert Outcome.FAILED not in outcomes(stages).values()
    for subject in ("request 0", "case"):
        (note,) = named(stages, subject)
        assert (note.outcome, note.detail) == (Outcome.NOT_RUN, f"vLLM: {told}")


def test_a_case_that_raised_in_the_engine_fails_the_processor(sides: tuple[Side, Side]) -> None:
    sides[1].write("processor", {"8x8": {"error": "ValueError: no such size"}}, {})
    failure = first_failure(verdict(sides))
    assert failure is not None
    assert describe(failure) == "processor / 8x8 / engine: ValueError: no such size"


def test_pixel_values_must_be_there_where_the_parts_are_known(sides: tuple[Side, Side]) -> None:
    change(sides[1], "processor", lambda tensors: tensors.clear())
    assert outcomes(verdict(sides))[Stage.PROCESSOR] is Outcome.FAILED
    stages = verdict(sides, facts=UNKNOWN)
    assert outcomes(stages)[Stage.PROCESSOR] is Outcome.PASSED
    assert named(stages, "pixel values")[0].outcome is Outcome.NOT_RUN


def test_patches_in_another_order_are_left_to_the_features(sides: tuple[Side, Side]) -> None:
    def turn(tensors: dict[str, Any]) -> None:
        values = tensors["8x8/pixel_values"]
        tensors["8x8/pixel_values"] = values + np.arange(values.size).reshape(values.shape)

    def reorder(tensors: dict[str, Any]) -> None:
        turn(tensors)
        tensors["8x8/pixel_values"] = tensors["8x8/pixel_values"].reshape(-1)[::-1].copy()

    change(sides[0], "processor", turn)
    change(sides[1], "processor", reorder)
    (note,) = named(verdict(sides, facts=UNKNOWN), "pixel values")
    assert note.outcome is Outcome.NOT_RUN
    assert "in another order" in note.detail


def test_tensors_of_equal_size_are_compared_whatever_their_layout(
    sides: tuple[Side, Side],
) -> None:
    def reshape(tensors: dict[str, Any]) -> None:
        tensors["8x8/pixel_values"] = tensors["8x8/pixel_values"].reshape(-1) + 0.5

    change(sides[1], "processor", reshape)
    failure = first_failure(verdict(sides, facts=UNKNOWN))
    assert failure is not None
    assert (failure.subject, failure.figure) == ("pixel values", 1.0)


def test_without_known_parts_weights_are_not_required(sides: tuple[Side, Side]) -> None:
    for side in sides:
        (side.folder / "weights.json").unlink()
    stages = verdict(sides, facts=UNKNOWN)
    assert outcomes(stages)[Stage.WEIGHTS] is Outcome.NOT_RUN
    assert stages[0].reason == "not asked for"
    assert named(stages, "tower") == []
    assert outcome(stages, required_stages(UNKNOWN)) is Outcome.PASSED
    assert outcome(stages, required_stages(KNOWN)) is Outcome.NOT_RUN


def test_a_weight_that_does_not_load_fails_all_the_same(sides: tuple[Side, Side]) -> None:
    error = WorkerError("loading", "ValueError", "no module named 'x'", "")
    stages = verdict(sides, error, facts=UNKNOWN)
    assert outcome(stages, required_stages(UNKNOWN)) is Outcome.FAILED


def test_features_of_another_form_are_left_to_the_logits(sides: tuple[Side, Side]) -> None:
    def widen(tensors: dict[str, Any]) -> None:
        tensors["features/0"] = np.zeros((2, 12), np.float32)

    change(sides[1], "scenario-image", widen)
    stages = verdict(sides, facts=UNKNOWN)
    (note,) = named(stages, "features")
    assert note.outcome is Outcome.NOT_RUN
    assert "2 rows of [12], HF 2 rows of [4]" in note.detail
    assert outcome(stages, required_stages(UNKNOWN)) is Outcome.PASSED


def test_other_features_of_the_same_form_fail(sides: tuple[Side, Side]) -> None:
    sides[1].write_scenario("image", tokens=[4, 4], engine=True, scale=1.1)
    failure = first_failure(verdict(sides, facts=UNKNOWN))
    assert failure is not None
    assert (failure.stage, failure.subject) == (Stage.ENCODER, "features")
