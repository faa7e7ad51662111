from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from mmport.model.evidence import Outcome
from mmport.verification.bounds import Floors, make_bounds
from mmport.verification.cases import Request, Scenario
from mmport.verification.noise import Noise, judge_spread, measure_noise
from mmport.verification.stage_files import StageFiles

TOKENS = 20
SCENARIO = Scenario("image", (Request("what"),))


class Reference:
    """Writes what HF's worker would: its own answers, and those of its variants.

    A variant is its own answers and so much more, in every logprob and feature.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        random = np.random.RandomState(0)
        self.own = {
            "0/prompt": random.normal(-3.0, 1.0, TOKENS).astype(np.float32),
            "0/steps": random.normal(-3.0, 1.0, (4, 10)).astype(np.float32),
            "features/0/0": random.normal(0.0, 1.0, (6, 4)).astype(np.float32),
        }
        self.own["0/steps"][0, 3] = -8.0
        self.variants: dict[str, dict[str, Any]] = {}
        self.tensors: dict[str, Any] = {}

    def add(self, name: str, apart: float, *, finer: bool = False, reason: str = "") -> None:
        answered = [] if reason else ["image/0"]
        left_out = {"": reason} if reason else {}
        self.variants[name] = {"finer": finer, "answered": answered, "left_out": left_out}
        if not reason:
            prefix = f"{name}/image/0"
            self.tensors[f"{prefix}/prompt"] = self.own["0/prompt"] + np.float32(apart)
            self.tensors[f"{prefix}/last"] = self.own["0/steps"][0] + np.float32(apart / 2)
            self.tensors[f"{prefix}/features/0"] = self.own["features/0/0"] + np.float32(apart)

    def noise(self, dtype: str = "bfloat16") -> Noise:
        documents = {
            "noise": ({"same": self.same, "variants": self.variants}, self.tensors),
            "scenario-image": ({"requests": [{}], "left_out": {}}, self.own),
        }
        for stage, (document, tensors) in documents.items():
            (self.folder / f"{stage}.json").write_text(json.dumps(document))
            save_file(tensors, self.folder / f"{stage}.safetensors")
        return measure_noise(StageFiles(self.folder), dtype)

    @property
    def same(self) -> dict[str, str]:
        return {"image/0": "image/0", "batch/2": "image/0"}


@pytest.fixture
def reference(tmp_path: Path) -> Reference:
    return Reference(tmp_path)


def test_the_floor_is_the_largest_of_all_variants(reference: Reference) -> None:
    reference.add("float32", 0.01, finer=True)
    reference.add("sdpa", 0.02)
    floors = reference.noise().floors
    assert floors.logprobs == pytest.approx(0.02, rel=1e-4)
    assert floors.scale == 8.0
    assert floors.variants == ("float32", "sdpa")
    largest = float(np.abs(reference.own["features/0/0"]).max())
    assert floors.features == pytest.approx(0.02 / largest, rel=1e-4)


def test_prompts_that_are_the_same_share_a_floor(reference: Reference) -> None:
    reference.add("float32", 0.01, finer=True)
    spreads = reference.noise().floors.spreads
    assert spreads["image/0"] == spreads["batch/2"] == pytest.approx(0.01, rel=1e-3)


def test_an_attention_that_computes_something_else_is_no_noise(reference: Reference) -> None:
    reference.add("float32", 0.001, finer=True)
    reference.add("sdpa", 0.6)  # more than bfloat16 rounds, and less than would be no rounding
    noise = reference.noise()
    assert noise.floors.variants == ("float32",)
    assert noise.floors.logprobs == pytest.approx(0.001, rel=1e-2)
    told = noise.variants[1]
    assert not told.used
    assert told.logprobs == pytest.approx(0.6, rel=1e-3)
    assert "computes something else" in told.detail


def test_two_thirds_of_the_digits_are_no_rounding(reference: Reference) -> None:
    reference.add("float64", 0.1, finer=True)
    noise = reference.noise("float32")
    assert noise.floors.logprobs is None
    assert "a third of the digits" in noise.variants[0].detail


def test_another_attention_alone_is_a_floor_too(reference: Reference) -> None:
    reference.add("float32", 0.0, finer=True, reason="the weights would take another 9.0 GiB")
    reference.add("sdpa", 0.02)
    noise = reference.noise()
    assert noise.floors.variants == ("sdpa",)
    assert noise.variants[0].detail == "the weights would take another 9.0 GiB"


def test_where_nothing_ran_nothing_is_known(tmp_path: Path) -> None:
    noise = measure_noise(StageFiles(tmp_path), "float32")
    assert (noise.floors, noise.variants) == (Floors(), ())


def test_values_that_are_no_numbers_say_nothing_of_the_noise(reference: Reference) -> None:
    reference.own["0/prompt"][2] = np.nan
    reference.add("float32", 0.01, finer=True)
    reference.tensors["float32/image/0/prompt"][5] = -np.inf
    assert reference.noise().floors.logprobs == pytest.approx(0.01, rel=1e-3)


@pytest.mark.parametrize(("times", "outcome"), [(1.0, Outcome.PASSED), (20.0, Outcome.FAILED)])
def test_a_prompt_is_held_to_its_own_spread(
    reference: Reference, tmp_path: Path, times: float, outcome: Outcome
) -> None:
    reference.add("float32", 0.01, finer=True)
    bounds = make_bounds("bfloat16", reference.noise().floors)
    candidate = tmp_path / "vllm"
    candidate.mkdir()
    (candidate / "scenario-image.json").write_text("{}")
    found = reference.own["0/prompt"] - np.float32(0.01 * times)
    save_file({"0/prompt": found}, candidate / "scenario-image.safetensors")
    sides = StageFiles(reference.folder), StageFiles(candidate)
    (measured,) = judge_spread(SCENARIO, *sides, bounds)
    assert measured.outcome is outcome
    assert measured.figure == pytest.approx(0.01 * times, rel=1e-3)
    assert measured.floor == pytest.approx(0.01, rel=1e-3)
