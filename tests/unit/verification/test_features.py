from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmport.model.evidence import Measurement, Outcome, Stage
from mmport.model.facts import ModelFacts
from mmport.verification.bounds import Floors, make_bounds
from mmport.verification.cases import Item, Request, Scenario
from mmport.verification.features import judge_encoder
from tests.unit.verification.models import KNOWN, UNKNOWN
from tests.unit.verification.sides import Sides

BOUNDS = make_bounds("float32", Floors(features=1e-6))
IMAGES = tuple(Request("<image>", (Item("image", seed, 8, 8),)) for seed in range(3))
BATCH = Scenario("mixed batch", (IMAGES[0], Request("words"), IMAGES[1]), new_tokens=1)


def rows(seed: int, count: int = 2) -> Any:
    return np.random.default_rng(seed).normal(size=(count, 4)).astype(np.float32)


def batch(folder: Path, scenario: Scenario = BATCH) -> Sides:
    """Both sides compute features for each item; the engine in the order of sending."""
    sides = Sides(folder, scenario)
    call = 0
    for index in scenario.order or range(len(scenario.requests)):
        for number, item in enumerate(scenario.requests[index].items):
            features = rows(item.seed)
            sides.hf_tensors[f"features/{index}/{number}"] = features
            sides.vllm_tensors[f"features/{call}"] = features
            sides.hf_tensors[f"connector/{index}/input"] = features
            sides.hf_tensors[f"connector/{index}/output"] = features
            call += 1
    computed = [sides.vllm_tensors[f"features/{place}"] for place in range(call)]
    for event in ("input", "output"):
        sides.vllm_tensors[f"connector/{event}"] = np.concatenate(computed)
    return sides


def encoder(sides: Sides, facts: ModelFacts = UNKNOWN) -> list[Measurement]:
    return list(judge_encoder(sides.scenario, *sides.files(), facts, BOUNDS))


def test_equal_features_pass(tmp_path: Path) -> None:
    measured = encoder(batch(tmp_path), KNOWN)
    assert [one.subject for one in measured] == ["tower", "connector", "features"]
    assert {(one.stage, one.outcome) for one in measured} == {(Stage.ENCODER, Outcome.PASSED)}


def test_where_hf_lets_neighbours_change_features_that_is_told(tmp_path: Path) -> None:
    sides = batch(tmp_path)
    assert sides.hf[2] is not None
    sides.hf[2]["neighbours"] = 41.5
    features, told = encoder(sides)
    assert features.outcome is Outcome.PASSED
    assert (told.subject, told.outcome) == ("features beside others", Outcome.NOT_RUN)
    assert "by 42 times what rounding may do; the reference is each by itself" in told.detail


def test_features_of_another_item_fail(tmp_path: Path) -> None:
    sides = batch(tmp_path)
    tensors = sides.vllm_tensors
    tensors["features/0"], tensors["features/1"] = tensors["features/1"], tensors["features/0"]
    assert encoder(sides)[0].outcome is Outcome.FAILED


def test_features_come_in_the_order_of_sending(tmp_path: Path) -> None:
    permuted = replace(BATCH, order=(2, 0, 1))
    assert encoder(batch(tmp_path, permuted), KNOWN)[-1].outcome is Outcome.PASSED
    sides = batch(tmp_path / "other", permuted)
    sides.scenario = replace(permuted, order=())
    assert encoder(sides)[0].outcome is Outcome.FAILED


def test_features_of_several_kinds_may_come_in_any_order(tmp_path: Path) -> None:
    items = (Item("image", 0, 8, 8), Item("audio", 1, seconds=1.0, rate=16000))
    both = Scenario("image and audio", (Request("", items),), new_tokens=1)
    sides = batch(tmp_path, both)
    tensors = sides.vllm_tensors
    tensors["features/0"], tensors["features/1"] = tensors["features/1"], tensors["features/0"]
    assert encoder(sides)[0].outcome is Outcome.PASSED
    tensors["features/0"] = tensors["features/0"] + 0.1
    assert encoder(sides)[0].outcome is Outcome.FAILED


def test_calls_are_put_in_their_order_by_number(tmp_path: Path) -> None:
    sides = Sides(tmp_path, replace(BATCH, requests=IMAGES[:1]))
    many = rows(7, 12)
    for call in range(12):
        sides.hf_tensors[f"features/0/{call}"] = many[call : call + 1]
        sides.vllm_tensors[f"features/{call}"] = many[call : call + 1]
    assert encoder(sides)[0].outcome is Outcome.PASSED


def test_what_one_side_left_out_is_not_compared(tmp_path: Path) -> None:
    sides = batch(tmp_path)
    sides.vllm[0] = None
    sides.vllm_tensors["features/0"] = sides.vllm_tensors.pop("features/1")
    assert encoder(sides)[0].outcome is Outcome.PASSED


def test_features_of_another_form_are_left_to_the_logits(tmp_path: Path) -> None:
    sides = batch(tmp_path)
    sides.vllm_tensors["features/0"] = np.zeros((2, 12), np.float32)
    (note,) = encoder(sides)
    assert note.outcome is Outcome.NOT_RUN
    assert note.detail == "vLLM gives 4 rows of [4, 12], HF 4 rows of [4]"


def test_a_connector_that_did_not_run_fails(tmp_path: Path) -> None:
    sides = batch(tmp_path)
    for tensors in (sides.hf_tensors, sides.vllm_tensors):
        for name in [name for name in tensors if name.startswith("connector")]:
            del tensors[name]
    tower = encoder(sides, KNOWN)[0]
    assert (tower.subject, tower.outcome) == ("tower", Outcome.FAILED)
    assert "did not run in HF and vLLM" in tower.detail


@pytest.mark.parametrize(
    "changed",
    [replace(BATCH, embeds=True), replace(BATCH, sent="cached")],
    ids=["embeddings", "cached"],
)
def test_features_that_the_engine_does_not_compute_are_not_compared(
    tmp_path: Path, changed: Scenario
) -> None:
    assert encoder(batch(tmp_path, changed)) == []


def test_a_scenario_of_words_has_no_features(tmp_path: Path) -> None:
    words = Scenario("text", (Request("words"),), new_tokens=1)
    assert encoder(Sides(tmp_path, words), KNOWN) == []
