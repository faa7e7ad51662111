"""What mmport writes for an old release answers as today's transformers does, on that release."""

from __future__ import annotations

from typing import Any

import pytest

from mmport.model.evidence import Outcome
from tests.legacy.conftest import (
    FAST,
    RELEASES,
    OldCheckpoint,
    OldPort,
    Prove,
    failures,
    on,
)

pytestmark = pytest.mark.engine

CAPABILITIES: dict[str, tuple[str, dict[str, Any]]] = {
    "static": ("clip-llama", {}),
    "siglip": ("siglip-qwen2", {}),
    "any resolution": ("llava_next-older", {}),
    "own modality": ("clip-llama", {"modality_plugin": "thermal"}),
}
"""By capability the reference model, and what `scaffold` is asked beside it."""

CASES = [
    on(release, *CAPABILITIES[name], fast=(release, name) == (FAST, "static"), name=name)
    for release in RELEASES
    for name in CAPABILITIES
]


@pytest.mark.parametrize(("release", "model", "asked"), CASES)
def test_a_port_answers_as_hf_does(
    old_checkpoint: OldCheckpoint,
    old_port: OldPort,
    prove: Prove,
    release: str,
    model: str,
    asked: dict[str, Any],
) -> None:
    checkpoint = old_checkpoint(model)
    port = old_port(checkpoint, release, **asked)
    evidence = prove(checkpoint, release, port)
    assert evidence.outcome is Outcome.PASSED, failures(evidence)
    assert {stage.outcome for stage in evidence.stages} == {Outcome.PASSED}
