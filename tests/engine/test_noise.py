"""The noise floor, measured on HF models that run."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmport.verification.facts import facts_from_card
from mmport.verification.noise import Noise, measure_noise
from mmport.verification.run import Setup, compute_reference
from mmport.verification.stage_files import StageFiles
from tests.engine.conftest import Checkpoint

pytestmark = pytest.mark.engine


def noise_of(folder: Path, engine_python: Path, work: Path) -> tuple[Noise, Path]:
    facts = facts_from_card(folder)
    setup = Setup(
        model=folder,
        facts=facts,
        name=folder.name,
        revision=None,
        tiny=True,
        vllm_python=engine_python,
        hf_python=engine_python,
        work=work,
    )
    reference = compute_reference(setup)
    return measure_noise(StageFiles(reference), "float32"), reference


@pytest.mark.full(reason="the proof of a port measures every variant too")
def test_every_variant_runs_and_parts_by_rounding_alone(
    checkpoint: Checkpoint, engine_python: Path, tmp_path: Path
) -> None:
    noise, reference = noise_of(checkpoint("clip-mistral"), engine_python, tmp_path)
    assert noise.floors.variants == ("float64", "sdpa")
    assert not any(variant.detail for variant in noise.variants)
    assert noise.floors.logprobs is not None
    assert 0 < noise.floors.logprobs < 1e-4
    assert noise.floors.features is not None
    assert 0 < noise.floors.features < 1e-5
    for variant in noise.floors.variants:
        record = reference / f"capture-image@{variant}"
        assert (record / "calls.jsonl").stat().st_size
    # The finer dtype is finer throughout: norms and rotations are not cast to float32.
    calls = (reference / "capture-image@float64" / "calls.jsonl").read_text()
    assert '"float64"' in calls
    assert '"float32"' not in calls


def test_an_attention_that_leaves_a_softcap_out_is_no_noise(
    checkpoint: Checkpoint, engine_python: Path, tmp_path: Path
) -> None:
    noise, _ = noise_of(checkpoint("paligemma-gemma2"), engine_python, tmp_path)
    assert noise.floors.variants == ("float64",)
    assert noise.floors.logprobs is not None
    assert noise.floors.logprobs < 1e-3
