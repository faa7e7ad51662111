"""Text classes of the installed vLLM, made multimodal by `rewrite`, answer as HF does."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmport.core.output import Sink
from mmport.model.evidence import Outcome, Stage
from mmport.vllm_api.catalog import DEFAULT_VERSION
from mmport.workflows.reference import build_tiny
from mmport.workflows.verify import VerifyOptions, verify
from tests.rewriting import ENCODERS, TEXTS, llava, rewritten

pytestmark = pytest.mark.engine

SLOW = pytest.mark.full(reason="an engine's start each; one text class is in each run")
FAST = ("clip", "qwen3")
CASES = [
    pytest.param(encoder, text, marks=[] if (encoder, text) == FAST else SLOW)
    for encoder in ENCODERS
    for text in ("llama", "qwen2", "qwen3", "mistral", "gemma", "phi3")
]


@pytest.mark.parametrize(("encoder", "text"), CASES)
def test_a_rewritten_text_class_answers_as_hf_does(
    engine_python: Path, tmp_path: Path, encoder: str, text: str
) -> None:
    source = llava(tmp_path / "model", encoder, text)
    model = build_tiny(source, python=engine_python)
    file = rewritten(engine_python, text, model, tmp_path / "rewritten", DEFAULT_VERSION)
    options = VerifyOptions(port=file, class_name=TEXTS[text], vllm_python=engine_python)
    (evidence,) = verify(str(model), options, Sink())
    assert evidence.outcome is Outcome.PASSED, f"{evidence.outcome}: {evidence.first_failure}"
    assert [stage.stage for stage in evidence.stages] == list(Stage)
    assert {stage.outcome for stage in evidence.stages} == {Outcome.PASSED}
