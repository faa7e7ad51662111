"""Text classes of an installed vLLM, rewritten to serve LLaVA: what tests of engines share."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from mmport.hub.opening import open_source
from mmport.hub.source import ModelSource
from mmport.workflows.rewrite import RewriteRequest, run_rewrite

ENCODERS = {
    "clip": ({"model_type": "clip_vision_model"}, "default"),
    "siglip": ({"model_type": "siglip_vision_model", "vision_use_head": False}, "full"),
}
"""By name, the encoder's config and which of its tokens are taken."""
TEXTS = {
    "llama": "LlamaForCausalLM",
    "qwen2": "Qwen2ForCausalLM",
    "qwen3": "Qwen3ForCausalLM",
    "mistral": "MistralForCausalLM",
    "gemma": "GemmaForCausalLM",
    "phi3": "Phi3ForCausalLM",
    "stablelm": "StablelmForCausalLM",
}
"""By model type and file of vLLM, the text class."""


def llava(folder: Path, encoder: str, text: str) -> ModelSource:
    """Write the config of a LLaVA with this encoder and language model."""
    config, selection = ENCODERS[encoder]
    whole = {
        "architectures": ["LlavaForConditionalGeneration"],
        "model_type": "llava",
        "image_token_index": 32000,
        "text_config": {"model_type": text, "vocab_size": 32064},
        "vision_config": config,
        "vision_feature_select_strategy": selection,
    }
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(whole), encoding="utf-8")
    return open_source(str(folder), revision=None)


def models_of(python: Path) -> Path:
    """Find the model files of the vLLM that an environment has, by its Python."""
    (found,) = python.parent.parent.glob("lib/python*/site-packages/vllm/model_executor/models")
    return found


def rewritten(python: Path, text: str, model: Path, folder: Path, target: str) -> Path:
    """Copy a text class of the installed vLLM, and have it rewritten for a model."""
    file = folder / f"my_{text}.py"
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(models_of(python) / f"{text}.py", file)
    request = RewriteRequest(
        file=file, model=str(model), class_name=TEXTS[text], target_vllm=target
    )
    result = run_rewrite(request, write=True)
    assert result.written
    assert not run_rewrite(request, write=False).would_change
    return file
