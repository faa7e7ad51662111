"""Text classes of each old release, made multimodal by `rewrite`, answer as HF does there."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmport.model.evidence import Outcome
from mmport.workflows.reference import build_tiny
from tests.conftest import legacy_python
from tests.legacy.conftest import OldCheckpoint, Prove, failures, on
from tests.rewriting import TEXTS, llava, rewritten

pytestmark = pytest.mark.engine

CASES = [
    on(release, encoder, text, name=f"{encoder}-{text}")
    for release, texts in {
        "0.5.1": ("llama", "qwen2", "stablelm"),
        "0.6.3.post1": ("llama", "qwen2", "phi3", "stablelm"),
        "0.6.4.post1": ("llama", "qwen2", "phi3", "stablelm"),
        "0.8.4": ("llama", "qwen2", "phi3", "stablelm"),
    }.items()
    for text in texts
    for encoder in (("clip", "siglip") if text == "qwen2" else ("clip",))
]
OTHERS = [
    on(release, *case, name=case[0])
    for release in ("0.6.3.post1", "0.6.4.post1", "0.8.4")
    for case in (("llava_next-older", "llama"), ("qwen2_audio-older", "qwen2"))
]
"""Models of other kinds, whose items become more or fewer tokens, or are recordings."""


@pytest.mark.parametrize(("release", "encoder", "text"), CASES)
def test_a_rewritten_text_class_answers_as_hf_does(
    engine_python: Path, prove: Prove, tmp_path: Path, release: str, encoder: str, text: str
) -> None:
    source = llava(tmp_path / "model", encoder, text)
    model = build_tiny(source, python=engine_python, old=True)
    python = legacy_python(release)
    assert python is not None  # the marker left the case out otherwise
    file = rewritten(python, text, model, tmp_path / "rewritten", release)
    evidence = prove(model, release, file, class_name=TEXTS[text])
    assert evidence.outcome is Outcome.PASSED, failures(evidence)
    assert {stage.outcome for stage in evidence.stages} == {Outcome.PASSED}


@pytest.mark.parametrize(("release", "name", "text"), OTHERS)
def test_tiles_and_recordings_go_into_a_text_class_too(
    old_checkpoint: OldCheckpoint, prove: Prove, tmp_path: Path, release: str, name: str, text: str
) -> None:
    model, python = old_checkpoint(name), legacy_python(release)
    assert python is not None  # the marker left the case out otherwise
    file = rewritten(python, text, model, tmp_path / "rewritten", release)
    evidence = prove(model, release, file, class_name=TEXTS[text])
    assert evidence.outcome is Outcome.PASSED, failures(evidence)
    assert {stage.outcome for stage in evidence.stages} == {Outcome.PASSED}
