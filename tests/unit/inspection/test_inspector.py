from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import pytest

from mmport.core.jsonable import from_json, to_json
from mmport.hub import open_source
from mmport.inspection.families.family import Inspection
from mmport.inspection.inspector import examine, inspect_model
from mmport.model.spec import VlmSpec
from mmport.vllm_api.catalog import resolve_target
from tests.unit.checkpoints import (
    IMAGE_TOKEN_ID,
    Encoder,
    Layout,
    Text,
    llava_config,
    llava_shapes,
    merged,
    write_json,
    write_llava,
)

ARCHITECTURES = {
    "llama": "LlamaForCausalLM",
    "mistral": "MistralForCausalLM",
    "qwen2": "Qwen2ForCausalLM",
}


def seen(folder: Path, **options: Any) -> Inspection:
    return examine(open_source(str(folder), revision=None), resolve_target(None), **options)


def spec_of(folder: Path) -> VlmSpec:
    return inspect_model(open_source(str(folder), revision=None), resolve_target(None))


def only_config(folder: Path, config: object) -> Path:
    write_json(folder / "config.json", config)
    return folder


def tiny(**changes: Any) -> dict[str, Any]:
    base = llava_config(encoder="clip", text="llama", selection="default", layers=-2)
    return merged(base, changes)


@pytest.mark.parametrize("encoder", get_args(Encoder))
@pytest.mark.parametrize("text", get_args(Text))
@pytest.mark.parametrize("layout", get_args(Layout))
def test_every_llava_is_read(tmp_path: Path, encoder: Encoder, text: Text, layout: Layout) -> None:
    found = seen(write_llava(tmp_path, encoder=encoder, text=text, layout=layout))
    spec = found.spec
    assert found.findings == ()
    assert (spec.architecture, spec.model_type) == ("LlavaForConditionalGeneration", "llava")
    assert spec.modalities == ("image",)
    (tower,) = spec.encoders
    assert (tower.family, tower.path) == (encoder, "model.vision_tower")
    assert (tower.hidden_size, tower.num_layers) == (32, 2)
    assert (tower.image_size, tower.patch_size) == (28, 14)
    assert tower.has_class_token is (encoder == "clip")
    assert spec.language_model.hf_architecture == ARCHITECTURES[text]
    assert spec.language_model.vllm_architecture == ARCHITECTURES[text]
    assert spec.language_model.base_prefix == "model"
    assert spec.checkpoint is not None
    assert spec.checkpoint.layout == layout
    shapes = llava_shapes(encoder, text, layout)
    assert sum(group.count for group in spec.checkpoint.tensors) == len(shapes)
    assert spec.checkpoint.files == ("model.safetensors",)
    assert from_json(to_json(spec), VlmSpec) == spec


@pytest.mark.parametrize(
    ("encoder", "selection", "tokens"),
    [("clip", "default", 4), ("clip", "full", 5), ("siglip", "default", 3), ("siglip", "full", 4)],
)
def test_tokens_an_image_becomes(
    tmp_path: Path, encoder: Encoder, selection: Any, tokens: int
) -> None:
    (placeholder,) = spec_of(
        write_llava(tmp_path, encoder=encoder, selection=selection)
    ).placeholders
    assert placeholder.tokens_per_item == tokens
    assert (placeholder.token, placeholder.token_id) == ("<image>", IMAGE_TOKEN_ID)


@pytest.mark.parametrize("layers", [-2, -1, 0, 2, [-2], [-2, -1], [0, 1, 2], [-3, -3]])
def test_feature_layers_widen_the_connector(tmp_path: Path, layers: int | list[int]) -> None:
    spec = spec_of(write_llava(tmp_path, layers=layers))
    wanted = tuple(layers) if isinstance(layers, list) else (layers,)
    assert spec.features is not None
    assert spec.connector is not None
    assert spec.features.layers == wanted
    assert (spec.connector.input_size, spec.connector.output_size) == (32 * len(wanted), 64)
    assert (spec.connector.activation, spec.connector.bias) == ("gelu", True)


def test_a_repo_as_transformers_4_left_it_on_the_hub(tmp_path: Path) -> None:
    config = {
        "architectures": ["LlavaForConditionalGeneration"],
        "ignore_index": -100,
        "image_token_index": 32000,
        "model_type": "llava",
        "pad_token_id": 32001,
        "projector_hidden_act": "gelu",
        "text_config": {
            "_name_or_path": "somebody/a-chat-model",
            "architectures": ["LlamaForCausalLM"],
            "max_position_embeddings": 4096,
            "model_type": "llama",
            "rms_norm_eps": 1e-05,
            "torch_dtype": "float16",
            "vocab_size": 32064,
        },
        "tie_word_embeddings": False,
        "torch_dtype": "float16",
        "transformers_version": "4.36.0.dev0",
        "vision_config": {
            "hidden_size": 1024,
            "image_size": 336,
            "intermediate_size": 4096,
            "model_type": "clip_vision_model",
            "num_attention_heads": 16,
            "num_hidden_layers": 24,
            "patch_size": 14,
            "projection_dim": 768,
            "vocab_size": 32000,
        },
        "vision_feature_layer": -2,
        "vision_feature_select_strategy": "default",
        "vocab_size": 32064,
    }
    write_json(tmp_path / "preprocessor_config.json", {"crop_size": 336, "do_center_crop": True})
    decoder = {"32000": {"content": "<image>", "special": True}}
    write_json(tmp_path / "tokenizer_config.json", {"added_tokens_decoder": decoder})
    (tmp_path / "tokenizer.model").write_bytes(b"not read")
    write_json(
        tmp_path / "processor_config.json",
        {
            "image_token": "<image>",
            "num_additional_image_tokens": 1,
            "patch_size": 14,
            "processor_class": "LlavaProcessor",
            "vision_feature_select_strategy": "default",
        },
    )
    found = seen(only_config(tmp_path, config))
    assert found.findings == ()
    assert found.spec.placeholders[0].tokens_per_item == 576
    assert found.spec.language_model.num_layers == 32


def test_patches_that_do_not_fill_the_image_are_rounded_down(tmp_path: Path) -> None:
    vision = {"image_size": 384, "num_attention_heads": 4, "model_type": "siglip_vision_model"}
    config = tiny(vision_config=vision, vision_feature_select_strategy="full")
    assert spec_of(only_config(tmp_path, config)).placeholders[0].tokens_per_item == 729


def test_defaults_of_the_config_class_are_filled_in(tmp_path: Path) -> None:
    config = {
        "architectures": ["LlavaForConditionalGeneration"],
        "model_type": "llava",
        "text_config": {"model_type": "llama", "vocab_size": 32064},
    }
    spec = spec_of(only_config(tmp_path, config))
    assert spec.checkpoint is None
    (tower,) = spec.encoders
    assert (tower.family, tower.image_size, tower.patch_size) == ("clip", 336, 14)
    assert spec.language_model.hidden_size == 4096
    assert spec.placeholders[0].tokens_per_item == 576
    assert spec.features is not None
    assert spec.features.layers == (-2,)


@pytest.mark.parametrize(
    ("top", "text", "tied"),
    [(False, False, False), (True, False, True), (False, True, True), (None, True, True)],
)
def test_tied_embeddings_are_what_transformers_makes_of_them(
    tmp_path: Path, top: bool | None, text: bool, tied: bool
) -> None:
    config = tiny(tie_word_embeddings=top, text_config={"tie_word_embeddings": text})
    assert spec_of(only_config(tmp_path, config)).language_model.tied_embeddings is tied


def test_the_decoder_may_have_another_name(tmp_path: Path) -> None:
    text = {
        "model_type": "gpt2",
        "hidden_size": None,
        "num_hidden_layers": None,
        "head_dim": None,
        "num_key_value_heads": None,
        "n_embd": 64,
        "n_layer": 3,
        "n_head": 2,
    }
    model = spec_of(only_config(tmp_path, tiny(text_config=text))).language_model
    assert model.base_prefix == "transformer"
    assert (model.hidden_size, model.num_layers) == (64, 3)
    assert model.vllm_architecture == "GPT2LMHeadModel"


def test_a_language_model_that_vllm_has_not(tmp_path: Path) -> None:
    text = {"model_type": "biogpt"}
    model = spec_of(only_config(tmp_path, tiny(text_config=text))).language_model
    assert (model.hf_architecture, model.vllm_architecture) == ("BioGptForCausalLM", None)
    assert "does not let another library do its attention" in model.not_served


def test_a_leftover_architecture_of_the_language_model_is_not_believed(tmp_path: Path) -> None:
    config = tiny(text_config={"architectures": ["SomethingElse"]})
    model = spec_of(only_config(tmp_path, config)).language_model
    assert model.hf_architecture == "LlamaForCausalLM"


def test_the_source_is_told_with_hashes(tmp_path: Path) -> None:
    source = spec_of(write_llava(tmp_path)).source
    assert (source.kind, source.revision) == ("local", None)
    assert {file.path for file in source.files} >= {"config.json", "processor_config.json"}


def test_pickled_weights_are_pointed_at(tmp_path: Path) -> None:
    folder = write_llava(tmp_path, weights=False)
    (folder / "pytorch_model.bin").write_bytes(b"x")
    found = seen(folder)
    assert found.spec.checkpoint is None
    assert [finding.rule for finding in found.findings] == ["inspect.pickled-weights"]
