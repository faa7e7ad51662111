"""What is read from tables for targets of the first multimodal API alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mmport.core.errors import MalformedSource, NotPortable
from mmport.hub.opening import open_source
from mmport.inspection.inspector import inspect_model
from mmport.model.spec import VlmSpec
from mmport.vllm_api.catalog import resolve_target
from tests.unit.checkpoints import write_llava

AUDIO: dict[str, Any] = {
    "architectures": ["Qwen2AudioForConditionalGeneration"],
    "model_type": "qwen2_audio",
    "audio_token_index": 11,
    "audio_config": {
        "model_type": "qwen2_audio_encoder",
        "d_model": 64,
        "encoder_layers": 3,
        "num_mel_bins": 16,
    },
    "text_config": {
        "model_type": "qwen2",
        "hidden_size": 128,
        "num_attention_heads": 2,
        "num_hidden_layers": 2,
        "vocab_size": 320,
    },
}


def inspected(folder: Path, target: str) -> VlmSpec:
    return inspect_model(open_source(str(folder), revision=None), resolve_target(target))


@pytest.fixture
def llava_next(tmp_path: Path) -> Path:
    return write_llava(
        tmp_path / "model",
        architectures=["LlavaNextForConditionalGeneration"],
        model_type="llava_next",
        image_grid_pinpoints=[[28, 56], [56, 28], [56, 56]],
    )


@pytest.fixture
def audio(tmp_path: Path) -> Path:
    (tmp_path / "audio").mkdir()
    (tmp_path / "audio" / "config.json").write_text(json.dumps(AUDIO))
    return tmp_path / "audio"


@pytest.mark.parametrize("target", ["0.5.1", "0.6.3.post1", "0.8.4"])
def test_an_old_target_has_llava_next_read_from_tables(llava_next: Path, target: str) -> None:
    spec = inspected(llava_next, target)
    assert spec.anatomy is None
    assert spec.architecture == "LlavaNextForConditionalGeneration"
    (encoder,) = spec.encoders
    assert (encoder.family, encoder.image_size, encoder.path) == (
        "clip",
        28,
        "model.vision_tower",
    )
    (placeholder,) = spec.placeholders
    assert (placeholder.token, placeholder.tokens_per_item) == ("<image>", 0)
    assert spec.checkpoint is not None
    assert spec.checkpoint.layout == "transformers-5"


def test_an_old_target_has_qwen2_audio_read_from_tables(audio: Path) -> None:
    spec = inspected(audio, "0.6.3.post1")
    assert spec.anatomy is None
    assert spec.modalities == ("audio",)
    (encoder,) = spec.encoders
    assert (encoder.modality, encoder.hidden_size, encoder.num_layers) == ("audio", 64, 3)
    assert spec.connector is not None
    assert (spec.connector.input_size, spec.connector.output_size) == (64, 128)
    assert spec.placeholders[0].token_id == 11


def test_a_current_target_has_them_read_from_their_source(llava_next: Path, audio: Path) -> None:
    for folder in (llava_next, audio):
        spec = inspected(folder, "0.32.0")
        assert spec.anatomy is not None
        assert spec.encoders == ()


def test_a_token_that_is_no_number_is_refused(audio: Path) -> None:
    (audio / "config.json").write_text(json.dumps(AUDIO | {"audio_token_index": "<|AUDIO|>"}))
    with pytest.raises(MalformedSource, match="audio_token_index"):
        inspected(audio, "0.6.3.post1")


PHI3_CODE = """
from transformers import CLIPVisionConfig

LARGE = CLIPVisionConfig(
    hidden_size=64, image_size=56, num_hidden_layers=3, patch_size=14, num_attention_heads=4
)
"""
PHI3: dict[str, Any] = {
    "architectures": ["Phi3VForCausalLM"],
    "auto_map": {"AutoModelForCausalLM": "modeling_phi3_v.Phi3VForCausalLM"},
    "model_type": "phi3_v",
    "hidden_size": 128,
    "num_attention_heads": 2,
    "num_hidden_layers": 2,
    "vocab_size": 320,
    "img_processor": {"image_dim_out": 64, "layer_idx": -2},
    "embd_layer": {
        "use_hd_transform": True,
        "with_learnable_separator": True,
        "hd_transform_order": "sub_glb",
    },
}


def write_phi3(folder: Path, code: str = PHI3_CODE, **changes: Any) -> Path:
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(PHI3 | changes))
    (folder / "modeling_phi3_v.py").write_text(code)
    token = {"300": {"content": "<|image|>"}}
    (folder / "tokenizer_config.json").write_text(json.dumps({"added_tokens_decoder": token}))
    return folder


def test_phi3_vision_has_its_encoder_read_from_the_repos_code(tmp_path: Path) -> None:
    spec = inspected(write_phi3(tmp_path / "phi"), "0.6.3.post1")
    assert spec.anatomy is None
    (encoder,) = spec.encoders
    assert (encoder.image_size, encoder.num_layers, encoder.patch_size) == (56, 3, 14)
    assert ("num_attention_heads", 4) in encoder.settings
    assert spec.placeholders[0].token_id == 300
    assert spec.language_model.vllm_architecture == "Phi3ForCausalLM"
    assert spec.features is not None
    assert spec.features.layers == (-2,)


@pytest.mark.parametrize(
    "code",
    [
        "import os",
        "A = CLIPVisionConfig(hidden_size=os.system('x'))",
        "A = CLIPVisionConfig(**settings)",
        "A = CLIPVisionConfig(",
    ],
)
def test_code_that_is_no_call_with_constants_is_refused(tmp_path: Path, code: str) -> None:
    with pytest.raises(MalformedSource):
        inspected(write_phi3(tmp_path / "phi", code), "0.6.3.post1")


def test_another_layout_of_tiles_is_refused(tmp_path: Path) -> None:
    other = PHI3["embd_layer"] | {"hd_transform_order": "glb_sub"}
    with pytest.raises(NotPortable, match="hd_transform_order"):
        inspected(write_phi3(tmp_path / "phi", embd_layer=other), "0.6.3.post1")


def test_a_tokenizer_without_the_image_token_is_refused(tmp_path: Path) -> None:
    folder = write_phi3(tmp_path / "phi")
    (folder / "tokenizer_config.json").unlink()
    with pytest.raises(MalformedSource, match="tokenizer"):
        inspected(folder, "0.6.3.post1")


def test_a_layer_that_is_not_there_is_refused(tmp_path: Path) -> None:
    part = PHI3["img_processor"] | {"layer_idx": 9}
    with pytest.raises(MalformedSource, match="layer_idx"):
        inspected(write_phi3(tmp_path / "phi", img_processor=part), "0.6.3.post1")
