from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from mmport.core.errors import NotPortable, UnknownTarget
from mmport.model.plan import PortPlan, Strategy, Verdict
from mmport.model.spec import FeatureSpec, VlmSpec
from mmport.planning.plan import plan_port
from mmport.vllm_api.catalog import Target
from tests.golden.cases import load_spec, plan_of

T5 = "transformers-5"
ONE, TWO = FeatureSpec((-2,), "default"), FeatureSpec((-2, -1), "default")


def decision(plan: PortPlan, subject: str) -> tuple[str, str]:
    found = next(item for item in plan.decisions if item.subject == subject)
    return found.choice, found.reason


def with_layout(spec: VlmSpec, layout: Any) -> VlmSpec:
    assert spec.checkpoint is not None
    return dataclasses.replace(spec, checkpoint=dataclasses.replace(spec.checkpoint, layout=layout))


@pytest.mark.parametrize(
    ("name", "layout", "features", "verdict"),
    [
        ("clip_llama", "transformers-4", ONE, Verdict.IN_TREE),
        ("clip_llama", "transformers-4.52", ONE, Verdict.IN_TREE),
        ("clip_llama", "transformers-5", ONE, Verdict.BACKEND),
        ("clip_llama", "transformers-5-below-model", ONE, Verdict.BACKEND),
        ("clip_llama", "transformers-4", TWO, Verdict.BACKEND),
        ("siglip_qwen2", "transformers-4", ONE, Verdict.IN_TREE),
        ("siglip_qwen2", "transformers-5", ONE, Verdict.PORT),
        ("siglip_qwen2", "transformers-4", TWO, Verdict.PORT),
    ],
)
def test_the_verdict_is_what_was_measured(
    name: str, layout: str, features: FeatureSpec, verdict: Verdict
) -> None:
    spec = with_layout(load_spec(name, features=features), layout)
    assert plan_of(spec).verdict is verdict


def test_every_no_has_its_reasons() -> None:
    spec = with_layout(load_spec("siglip_qwen2", features=TWO), "transformers-5")
    plan = plan_of(spec)
    choice, reason = decision(plan, "vLLM's own class")
    assert choice == "no"
    assert "level 'vision_model'" in reason
    assert "one feature layer" in reason
    choice, reason = decision(plan, "Transformers backend")
    assert choice == "no"
    assert "crop size" in reason


def test_the_backend_is_advised_only_for_what_it_was_measured_with() -> None:
    spec = with_layout(replaced_language_model(hf_architecture="MistralForCausalLM"), T5)
    plan = plan_of(spec)
    assert plan.verdict is Verdict.PORT
    reason = decision(plan, "Transformers backend")[1]
    assert reason == "not measured with clip and MistralForCausalLM on vLLM 0.32.0"


@pytest.mark.parametrize("release", ["0.31.0", "0.33.0"])
def test_what_was_measured_on_one_release_is_not_claimed_of_another(release: str) -> None:
    plan = plan_port(with_layout(load_spec(), T5), Target(release, "E9"))
    assert plan.verdict is Verdict.PORT
    assert "(seen on vLLM 0.32.0)" in decision(plan, "vLLM's own class")[1]
    reason = decision(plan, "Transformers backend")[1]
    assert reason.startswith("not measured")
    assert reason.endswith(f"on vLLM {release}; on vLLM 0.32.0 it was right")


def test_what_the_port_does_beyond_vllms_own_class_is_named() -> None:
    def beyond(spec: VlmSpec) -> set[str]:
        named = [item for item in plan_of(spec).decisions if item.subject.startswith("beyond")]
        return {item.choice.split(" ")[0] for item in named}

    assert beyond(load_spec()) == {"loads", "takes"}
    assert beyond(load_spec(architecture="AyaVisionForConditionalGeneration")) == set()


def test_without_weights_the_verdict_names_what_it_hangs_on() -> None:
    plan = plan_of(load_spec(checkpoint=None))
    assert plan.verdict is Verdict.IN_TREE
    assert "unless its weights" in decision(plan, "vLLM's own class")[1]


def test_an_architecture_that_vllm_dropped_says_who_had_it_last() -> None:
    plan = plan_of(load_spec(architecture="AyaVisionForConditionalGeneration"))
    assert plan.verdict is Verdict.PORT
    assert "0.24.0 was the last" in decision(plan, "vLLM's own class")[1]
    assert "not measured" in decision(plan, "Transformers backend")[1]


def test_components_are_reused_lowered_and_reused() -> None:
    plan = plan_of(load_spec("siglip_qwen2"))
    encoder = plan.component("encoder")
    assert (encoder.strategy, encoder.vllm_path, encoder.vllm_class) == (
        Strategy.REUSE,
        "vision_tower",
        "SiglipVisionModel",
    )
    assert plan.component("connector").strategy is Strategy.LOWER
    assert plan.component("language_model").vllm_class == "Qwen2ForCausalLM"
    assert plan.placeholder == "<image>"
    assert all(item.reason for item in plan.decisions)


def replaced_language_model(**changes: Any) -> VlmSpec:
    spec = load_spec()
    return dataclasses.replace(
        spec, language_model=dataclasses.replace(spec.language_model, **changes)
    )


@pytest.mark.parametrize(
    ("architecture", "pipeline_parallel", "lora"),
    [
        ("LlamaForCausalLM", True, True),
        ("Olmo2ForCausalLM", True, True),
        ("GPT2LMHeadModel", True, False),
        ("IQuestLoopCoderForCausalLM", False, False),
    ],
)
def test_the_port_claims_what_its_language_model_can_do(
    architecture: str, pipeline_parallel: bool, lora: bool
) -> None:
    plan = plan_of(replaced_language_model(vllm_architecture=architecture))
    assert (plan.pipeline_parallel, plan.lora) == (pipeline_parallel, lora)
    left_out = {item.subject for item in plan.decisions if item.choice == "left out"}
    assert left_out == {
        name
        for name, able in (("pipeline parallelism", pipeline_parallel), ("LoRA", lora))
        if not able
    }


@pytest.mark.parametrize(
    ("architecture", "message"),
    [
        ("JambaForCausalLM", r"\(HasInnerState, IsHybrid"),
        ("MambaForCausalLM", r"\(HasInnerState, IsAttentionFree"),
        ("Qwen3NextForCausalLM", "IsHybrid"),
    ],
)
def test_a_language_model_with_a_state_of_its_own_is_refused(
    architecture: str, message: str
) -> None:
    with pytest.raises(NotPortable, match=message) as caught:
        plan_of(replaced_language_model(vllm_architecture=architecture))
    assert "--model-impl transformers" in caught.value.hint


def replaced_encoder(**changes: Any) -> VlmSpec:
    spec = load_spec()
    return dataclasses.replace(spec, encoders=(dataclasses.replace(spec.encoders[0], **changes),))


def replaced_placeholder(**changes: Any) -> VlmSpec:
    spec = load_spec()
    return dataclasses.replace(
        spec, placeholders=(dataclasses.replace(spec.placeholders[0], **changes),)
    )


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (replaced_language_model(vllm_architecture=None), "no text model for LlamaForCausalLM"),
        (replaced_language_model(vllm_architecture="NewForCausalLM"), "no text model for NewFor"),
        (replaced_encoder(family="pixtral"), "family 'pixtral'"),
        (replaced_encoder(path="vision tower"), "not an attribute path"),
        (load_spec(encoders=()), "through 0 encoders"),
        (load_spec(modalities=("image", "video")), "image, video"),
        (load_spec(placeholders=()), "0 image tokens"),
        (replaced_placeholder(token=""), "1 image tokens"),
        (replaced_placeholder(token="\ud800"), "not valid Unicode"),
        (load_spec(architecture="x; import os"), "not a class name"),
    ],
)
def test_what_is_outside_of_it_is_refused(spec: VlmSpec, message: str) -> None:
    with pytest.raises(NotPortable, match=message) as caught:
        plan_of(spec)
    assert caught.value.hint


def test_a_release_without_a_catalog_is_an_unknown_target() -> None:
    with pytest.raises(UnknownTarget):
        plan_port(load_spec(), Target("0.1.0", "E9"))
