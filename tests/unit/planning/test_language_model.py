from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from mmport.core.errors import NotPortable
from mmport.model.plan import LanguageModelPlan
from mmport.model.spec import TextCandidate, TextValue, VlmSpec
from mmport.planning.heads import cpu_dtype, wants_tie
from mmport.planning.language_model import (
    decisions,
    language_model,
    language_model_plan,
    require_plain,
)
from mmport.vllm_api.catalog import DEFAULT_VERSION, load
from tests.golden.cases import load_spec

CATALOG = load(DEFAULT_VERSION)


def with_text(*candidates: TextCandidate, **changes: Any) -> VlmSpec:
    spec = load_spec()
    text = dataclasses.replace(spec.language_model, candidates=candidates, **changes)
    return dataclasses.replace(spec, language_model=text)


LLAMA = TextCandidate("LlamaForCausalLM", "name", "it has it")


def test_the_first_candidate_that_the_target_has_is_taken() -> None:
    spec = with_text(TextCandidate("NewForCausalLM", "structure", "it fits"), LLAMA)
    component, served_by = language_model(spec, CATALOG)
    assert (component.vllm_class, served_by.class_name) == ("LlamaForCausalLM", "LlamaForCausalLM")


def test_what_a_class_has_to_be_told_is_in_the_plan() -> None:
    candidate = TextCandidate(
        "Glm4ForCausalLM",
        "structure",
        "GlmTextModel computes what it does",
        settings=(("attention_bias", True),),
        rotation="halves",
    )
    spec = with_text(candidate, LLAMA)
    plan = language_model_plan(spec, CATALOG)
    assert (plan.settings, plan.rotation) == ((("attention_bias", True),), "halves")
    made = {
        item.subject: item.choice
        for item in decisions(spec, CATALOG, language_model(spec, CATALOG)[1])
    }
    assert made["text config's attention_bias"] == "True"
    assert made["rotary embedding"] == "halves"
    assert made["language model, else"] == "LlamaForCausalLM"


def test_a_class_with_a_state_has_the_port_declare_it() -> None:
    spec = with_text(TextCandidate("Lfm2ForCausalLM", "name", "vLLM has it"))
    plan = language_model_plan(spec, CATALOG)
    assert plan.declares == ("HasInnerState", "IsHybrid")
    assert plan.state_of == ("vllm.model_executor.models.lfm2", "Lfm2ForCausalLM")


def test_the_backend_can_be_the_language_model() -> None:
    decoder = ("transformers.models.emu3.modeling_emu3", "Emu3TextModel")
    spec = with_text(
        TextCandidate("TransformersForCausalLM", "backend", "it runs", decoder=decoder)
    )
    component, served_by = language_model(spec, CATALOG)
    assert component.vllm_class == "TransformersForCausalLM"
    assert served_by.supports("SupportsPP")
    assert language_model_plan(spec, CATALOG).decoder == decoder


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"positions": "mrope"}, "multimodal rotary positions"),
        ({"missing_arithmetic": ("cap",)}, "changes its logits by cap, and LlamaForCausalLM"),
        ({"vllm_architecture": None, "not_served": "it attends oddly"}, "it attends oddly"),
    ],
)
def test_what_no_class_makes_good_is_refused(changes: dict[str, Any], why: str) -> None:
    candidates = () if "not_served" in changes else (LLAMA,)
    with pytest.raises(NotPortable, match=why) as caught:
        language_model(with_text(*candidates, **changes), CATALOG)
    assert caught.value.hint


@pytest.mark.parametrize(
    "plan",
    [
        LanguageModelPlan("X", settings=(("bias", True),)),
        LanguageModelPlan("X", rotation="pairs"),
        LanguageModelPlan("X", decoder=("m", "D")),
        LanguageModelPlan("X", declares=("IsHybrid",), state_of=("m", "X")),
        LanguageModelPlan("X", heads_apart=True),
    ],
)
def test_a_plain_port_takes_no_class_that_needs_more(plan: LanguageModelPlan) -> None:
    with pytest.raises(NotPortable, match="needs more"):
        require_plain(plan)
    require_plain(LanguageModelPlan("X"))


def test_a_class_that_ties_no_head_has_the_port_do_it() -> None:
    whole = with_text(LLAMA, tied_embeddings=True)
    assert whole.checkpoint is not None
    groups = tuple(one for one in whole.checkpoint.tensors if "lm_head" not in one.pattern)
    bare = dataclasses.replace(
        whole, checkpoint=dataclasses.replace(whole.checkpoint, tensors=groups)
    )
    assert wants_tie(bare, "DeepseekV3ForCausalLM")
    assert not wants_tie(whole, "DeepseekV3ForCausalLM")
    assert not wants_tie(bare, "LlamaForCausalLM")
    assert not wants_tie(dataclasses.replace(bare, checkpoint=None), "DeepseekV3ForCausalLM")


@pytest.mark.parametrize("has_head", [True, False])
def test_the_whole_config_says_whether_a_head_is_tied(has_head: bool) -> None:
    spec = with_text(LLAMA, tied_embeddings=False, tied_inside=True)
    assert spec.checkpoint is not None
    groups = tuple(one for one in spec.checkpoint.tensors if "lm_head" not in one.pattern)
    if not has_head:
        checkpoint = dataclasses.replace(spec.checkpoint, tensors=groups)
        spec = dataclasses.replace(spec, checkpoint=checkpoint)
    tie = ("tie_word_embeddings", TextValue("tie_word_embeddings", of_whole=True))
    assert (tie in language_model_plan(spec, CATALOG).settings) is has_head
    made = decisions(spec, CATALOG, language_model(spec, CATALOG)[1])
    assert ("text config's tie_word_embeddings" in [one.subject for one in made]) is has_head


def test_a_dtype_that_a_cpu_kernel_wants_is_said() -> None:
    spec = with_text(TextCandidate("Qwen3_5ForCausalLM", "name", "vLLM has it"))
    made = {
        one.subject: one.choice
        for one in decisions(spec, CATALOG, language_model(spec, CATALOG)[1])
    }
    assert made["dtype on the CPU"] == "bfloat16"
    assert cpu_dtype("LlamaForCausalLM") == ""
