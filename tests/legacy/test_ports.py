"""What mmport writes for an old release answers as today's transformers does, on that release."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mmport.core.errors import NotPortable
from mmport.hub.opening import open_source
from mmport.model.evidence import Outcome
from mmport.reference_models import named
from mmport.workflows.reference import build_tiny
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
    "audio": ("qwen2_audio-older", {}),
}
"""By capability the reference model, and what `scaffold` is asked beside it."""

REFUSED = {
    ("0.5.1", "siglip"): "takes token ids and no embeddings",
    ("0.5.1", "audio"): "has no Qwen2AudioConfig",
}
"""What a release cannot take, and what is said of that."""

CASES = [
    on(release, *CAPABILITIES[name], fast=(release, name) == (FAST, "static"), name=name)
    for release in RELEASES
    for name in CAPABILITIES
    if (release, name) not in REFUSED
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


@pytest.mark.parametrize(
    ("release", "name"), [on(release, name, name=name) for release, name in REFUSED]
)
def test_what_a_release_cannot_take_is_refused(
    old_checkpoint: OldCheckpoint, old_port: OldPort, release: str, name: str
) -> None:
    model, asked = CAPABILITIES[name]
    with pytest.raises(NotPortable) as caught:
        old_port(old_checkpoint(model), release, **asked)
    assert REFUSED[release, name] in caught.value.what


@pytest.mark.parametrize("release", [on("0.5.1")])
def test_a_tower_of_transformers_serves_where_vllm_has_none(
    engine_python: Path, old_port: OldPort, prove: Prove, release: str, tmp_path: Path
) -> None:
    siglip, clip = (named.load(name).config for name in ("siglip-qwen2", "clip-llama"))
    changed = {"image_token_index", "pad_token_id", "text_config"}
    config = siglip | {key: value for key, value in clip.items() if key in changed}
    (tmp_path / "siglip-llama").mkdir()
    (tmp_path / "siglip-llama" / "config.json").write_text(json.dumps(config))
    source = open_source(str(tmp_path / "siglip-llama"), revision=None)
    checkpoint = build_tiny(source, python=engine_python, old=True)
    evidence = prove(checkpoint, release, old_port(checkpoint, release))
    assert evidence.outcome is Outcome.PASSED, failures(evidence)
