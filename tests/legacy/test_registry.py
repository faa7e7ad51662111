"""Faults that an old engine on the CPU never notices by itself, as it measures no memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmport.model.evidence import Outcome, Stage
from tests.legacy.conftest import FAST, OldCheckpoint, OldPort, Prove, failed, failures, on

pytestmark = pytest.mark.engine

DECLARED = "return get_llava_image_feature_size(ctx.get_hf_config(LlavaConfig))"
PLACEHOLDERS = "[hf_config.image_token_index] * feature_size * num_images"

FAULTS = {
    "a maximum that is too small": (
        DECLARED,
        f"{DECLARED} - 1",
        {"dummy forward", "largest item", "largest of several"},
    ),
    "a maximum that no image reaches": (
        DECLARED,
        f"{DECLARED} + 1",
        {"dummy forward", "maximum reached"},
    ),
    "placeholders of one image alone": (
        PLACEHOLDERS,
        "[hf_config.image_token_index] * feature_size",
        {"dummy forward", "image dummy"},
    ),
    "fewer images than placeholders": (
        '{"image": [image] * num_images}',
        '{"image": [image]}',
        {"dummy forward", "image dummy"},
    ),
}


@pytest.mark.parametrize(
    ("release", "fault"), [on(FAST, name, name=name.replace(" ", "_")) for name in FAULTS]
)
def test_a_fault_in_what_is_registered_is_found(
    old_checkpoint: OldCheckpoint, old_port: OldPort, prove: Prove, release: str, fault: str
) -> None:
    before, after, expected = FAULTS[fault]
    checkpoint = old_checkpoint("clip-llama")
    port = old_port(checkpoint, release)
    put(port / "llava_vllm" / "llava.py", before, after)
    evidence = prove(checkpoint, release, port, stages=(Stage.WEIGHTS, Stage.BUDGET))
    assert evidence.outcome is Outcome.FAILED, failures(evidence)
    assert expected <= failed(evidence)
    assert {stage.stage for stage in evidence.stages if stage.outcome is Outcome.FAILED} == {
        Stage.BUDGET
    }


def put(file: Path, before: str, after: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert text.count(before) == 1
    file.write_text(text.replace(before, after), encoding="utf-8")
