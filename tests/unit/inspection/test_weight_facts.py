"""Facts about weights of models of the installed transformers, and the map that they lead to."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path

import pytest

from mmport.anatomy.classes import ModelClass, find_class, library_module
from mmport.anatomy.features.modeling import read_anatomy
from mmport.core.jsonable import from_json, to_json
from mmport.core.source_tree import SourceTree
from mmport.inspection import hf_library
from mmport.inspection.weight_facts import read_weight_facts
from mmport.model.conversions import WeightFacts
from mmport.model.spec import Anatomy
from mmport.planning.wrapped_weights import WeightMap, wrapped_weights


@cache
def read(model_type: str, architecture: str) -> tuple[Anatomy, WeightFacts]:
    spec = importlib.util.find_spec("transformers")
    assert spec is not None
    assert spec.origin is not None
    tree = SourceTree(Path(spec.origin).parent.parent)
    module = library_module(architecture)
    assert module is not None
    top = find_class(tree, module, architecture)
    assert isinstance(top, ModelClass)
    anatomy = read_anatomy(tree, module, architecture)
    config = hf_library.build_config(model_type, {}).to_dict()
    return anatomy, read_weight_facts(top, anatomy, config)


def weights(model_type: str, architecture: str) -> WeightMap:
    return wrapped_weights(*read(model_type, architecture), base_prefix="model")


AYA = ("aya_vision", "AyaVisionForConditionalGeneration")
QWEN = ("qwen2_vl", "Qwen2VLForConditionalGeneration")
QIANFAN = ("qianfan_ocr", "QianfanOCRForConditionalGeneration")


@pytest.mark.parametrize(
    ("model", "name", "port"),
    [
        # transformers 4, 4.52 and 5
        (AYA, "vision_tower.vision_model.post_layernorm.bias", "vision_tower.post_layernorm.bias"),
        (AYA, "model.vision_tower.post_layernorm.bias", "vision_tower.post_layernorm.bias"),
        (AYA, "multi_modal_projector.linear_1.bias", "multi_modal_projector.linear_1.bias"),
        # before 4.52 and since
        (QWEN, "visual.merger.ln_q.weight", "visual.merger.ln_q.weight"),
        (QWEN, "model.visual.merger.ln_q.weight", "visual.merger.ln_q.weight"),
        # the authors' own
        (
            QIANFAN,
            "vision_model.encoder.layers.3.ls1",
            "vision_tower.layers.3.lambda_1",
        ),
        (QIANFAN, "mlp1.0.weight", "multi_modal_projector.layer_norm.weight"),
        (QIANFAN, "model.vision_tower.layers.3.lambda_1", "vision_tower.layers.3.lambda_1"),
    ],
)
def test_the_encoder_is_found_in_every_layout(model: tuple[str, str], name: str, port: str) -> None:
    assert weights(*model).names(name) == (f"encoder.{port}",)


@pytest.mark.parametrize(
    ("model", "name", "port"),
    [
        (AYA, "language_model.model.norm.weight", "model.norm.weight"),
        (AYA, "model.language_model.norm.weight", "model.norm.weight"),
        (AYA, "language_model.model.model.norm.weight", "model.norm.weight"),
        (AYA, "language_model.lm_head.weight", "lm_head.weight"),
        (AYA, "lm_head.weight", "lm_head.weight"),
        (QWEN, "model.norm.weight", "model.norm.weight"),
        (QWEN, "model.language_model.norm.weight", "model.norm.weight"),
        (QIANFAN, "language_model.model.layers.0.mlp.up_proj.weight",
         "model.layers.0.mlp.up_proj.weight"),
        # as transformers 5 saves it by a rule that was meant for the encoder
        (QIANFAN, "language_model.model.encoder.layers.0.mlp.up_proj.weight",
         "model.layers.0.mlp.up_proj.weight"),
    ],
)  # fmt: skip
def test_so_is_the_language_model(model: tuple[str, str], name: str, port: str) -> None:
    assert weights(*model).names(name) == (f"language_model.{port}",)


def test_what_is_fused_becomes_several() -> None:
    found = weights(*QIANFAN).names("vision_model.encoder.layers.0.attn.qkv.weight")
    assert found == tuple(
        f"encoder.vision_tower.layers.0.attention.{name}_proj.weight" for name in "qkv"
    )


def test_rules_that_cannot_act_are_left_out() -> None:
    assert len(weights(*AYA).renames) == 4
    assert not weights(*AYA).changes


def test_what_no_feature_needs_is_dropped() -> None:
    janus = weights("janus", "JanusForConditionalGeneration")
    assert janus.names("model.vqmodel.quantize.embedding.weight") == ()
    assert janus.names("model.aligner.fc1.weight") == ("encoder.aligner.fc1.weight",)


def test_what_transformers_passes_over_is_dropped() -> None:
    paddle = weights("paddleocr_vl", "PaddleOCRVLForConditionalGeneration")
    assert paddle.names("visual.vision_model.head.mlp.weight") == ()
    assert paddle.names("mlp_AR.linear_1.weight") == ("encoder.projector.linear_1.weight",)
    assert paddle.names("model.layers.0.mlp.up_proj.weight")


def test_old_buffers_are_dropped_and_nothing_is_by_its_end_alone() -> None:
    aya = weights(*AYA)
    assert aya.names("vision_tower.vision_model.embeddings.position_ids") == ()
    assert aya.names("vision_tower.vision_model.embeddings.position_embedding.weight")


def test_facts_survive_json() -> None:
    _, facts = read(*QIANFAN)
    assert from_json(to_json(facts), WeightFacts) == facts


def test_settings_are_no_parts() -> None:
    anatomy, facts = read("deepseek_vl_hybrid", "DeepseekVLHybridForConditionalGeneration")
    assert set(facts.parts) < set(anatomy.parts)
    assert "high_res_vision_alpha" in facts.parts
    assert "global_attn_index" not in facts.parts
