from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from mmport.core.errors import NotPortable, Usage
from mmport.model.plan import PortPlan, Strategy, Verdict
from mmport.model.spec import FeatureSpec, VlmSpec
from mmport.planning.plan import plan_port
from mmport.planning.renames import apply_renames
from mmport.vllm_api.catalog import resolve_target
from tests.golden.cases import load_spec

NEXT = "first_api_llava_next"
SIGLIP = "first_api_siglip_llama"


def plan(spec: VlmSpec | str, version: str, **options: Any) -> PortPlan:
    found = load_spec(spec) if isinstance(spec, str) else spec
    return plan_port(found, resolve_target(version), **options)


def refusal(spec: VlmSpec | str, version: str) -> str:
    with pytest.raises(NotPortable) as caught:
        plan(spec, version)
    return caught.value.what


@pytest.mark.parametrize(
    ("version", "pipeline_parallel"), [("0.5.1", False), ("0.6.3", True), ("0.8.4", True)]
)
def test_a_port_is_planned_for_its_release(version: str, pipeline_parallel: bool) -> None:
    made = plan("clip_llama", version)
    assert made.legacy is not None
    assert (made.legacy.template, made.legacy.modality, made.legacy.decoder) == (
        "llava",
        "image",
        "model",
    )
    assert made.pipeline_parallel is pipeline_parallel
    assert not made.lora
    assert not made.wrapped
    assert made.verdict is Verdict.IN_TREE


@pytest.mark.parametrize(
    ("spec", "version", "strategy", "module"),
    [
        ("clip_llama", "0.5.1", Strategy.REUSE, "vllm.model_executor.models.clip"),
        (SIGLIP, "0.5.1", Strategy.WRAP, "transformers"),
        (SIGLIP, "0.5.4", Strategy.WRAP, "transformers"),
        (SIGLIP, "0.5.5", Strategy.REUSE, "vllm.model_executor.models.siglip"),
    ],
)
def test_the_tower_is_vllms_or_that_of_transformers(
    spec: str, version: str, strategy: Strategy, module: str
) -> None:
    made = plan(spec, version)
    assert made.component("encoder").strategy is strategy
    assert made.component("encoder").vllm_module == module
    assert not made.wrapped


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("image_newline", "image_newline"),
        ("model.image_newline", "image_newline"),
        ("model.vision_tower.embeddings.x", "vision_tower.vision_model.embeddings.x"),
        ("vision_tower.vision_model.embeddings.x", "vision_tower.vision_model.embeddings.x"),
        ("model.language_model.norm.weight", "language_model.model.norm.weight"),
        ("language_model.lm_head.weight", "language_model.lm_head.weight"),
        ("lm_head.weight", "language_model.lm_head.weight"),
    ],
)
def test_weights_of_every_transformers_have_their_place(name: str, expected: str) -> None:
    assert apply_renames(plan(NEXT, "0.6.3").renames, name) == expected


def test_a_decoder_that_takes_ids_alone_is_refused() -> None:
    assert "takes token ids and no embeddings" in refusal("siglip_qwen2", "0.5.1")
    assert plan("siglip_qwen2", "0.6.3").legacy is not None


def test_a_model_that_is_read_from_its_source_is_refused() -> None:
    told = refusal("qwen2_vl", "0.8.4")
    assert "llava, llava_next" in told
    assert "Qwen2VLForConditionalGeneration is none of these" in told


def test_several_feature_layers_are_refused() -> None:
    spec = load_spec(features=FeatureSpec((-2, -1), "default"))
    assert "takes 2 layers" in refusal(spec, "0.6.3")


def test_tokens_that_fill_no_grid_are_refused() -> None:
    spec = load_spec(NEXT, features=FeatureSpec((-2,), "full"))
    assert "fill no grid" in refusal(spec, "0.6.3")
    whole = load_spec(features=FeatureSpec((-2,), "full"))
    assert plan(whole, "0.6.3").legacy is not None


def test_a_head_of_its_own_is_refused() -> None:
    spec = load_spec()
    text = dataclasses.replace(spec.language_model, head_arithmetic=("logit_scale",))
    assert "head" in refusal(dataclasses.replace(spec, language_model=text), "0.6.3")


def test_a_modality_of_the_ports_own() -> None:
    made = plan("clip_llama", "0.6.3", modality_plugin="depth_map").legacy
    assert made is not None
    assert (made.modality, made.plugin_class) == ("depth_map", "DepthMapPlugin")


@pytest.mark.parametrize("key", ["image", "a-b", "class", "x y", 'x"'])
def test_what_cannot_be_a_modality_of_the_ports_own(key: str) -> None:
    with pytest.raises(Usage):
        plan("clip_llama", "0.6.3", modality_plugin=key)


def test_current_releases_take_no_modality_of_a_ports_own() -> None:
    with pytest.raises(Usage, match=r"ended with 0\.8\.4"):
        plan("clip_llama", "0.32.0", modality_plugin="thermal")
