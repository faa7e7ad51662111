from __future__ import annotations

from typing import Any

import pytest

from mmport.inspection import hf_library
from mmport.inspection.fields import Fields
from mmport.inspection.language_models import language_model
from mmport.inspection.serving import Served, Text, serve
from mmport.model.logits import Logits
from mmport.model.spec import LanguageModelSpec, TextValue
from mmport.vllm_api.catalog import DEFAULT_VERSION, load

CATALOG = load(DEFAULT_VERSION)


def served(model_type: str, vlm: str = "", part: str = "", **values: Any) -> Served:
    config = hf_library.build_config(model_type, values)
    return serve(Text(getattr(config, part) if part else config, vlm=vlm), CATALOG)


def spec(
    model_type: str, *head: str, logits: Logits | None = None, **values: Any
) -> LanguageModelSpec:
    return language_model(
        Fields(hf_library.build_config(model_type, values), "text_config"),
        path="model.language_model",
        tied_embeddings=False,
        vlm_head_arithmetic=head,
        vlm_logits=logits,
        catalog=CATALOG,
    )


@pytest.mark.parametrize("model_type", ["llama", "qwen2", "gemma2", "opt", "lfm2", "olmo2"])
def test_what_vllm_knows_by_name_is_taken_by_name(model_type: str) -> None:
    found = served(model_type).candidates
    assert [(item.architecture, item.found) for item in found] == [
        (hf_library.causal_lm_architecture(model_type), "name")
    ]


@pytest.mark.parametrize(
    ("model_type", "part", "architecture", "settings"),
    [
        # Each was proven on the engine with text alone, to 1e-5.
        ("emu3", "text_config", "LlamaForCausalLM", ()),
        ("glm4v_text", "", "Glm4ForCausalLM", (("attention_bias", True),)),
        ("glm_ocr_text", "", "Glm4ForCausalLM", (("attention_bias", False),)),
        ("glm4v_moe_text", "", "Glm4MoeForCausalLM", (("use_qk_norm", False),)),
        ("granite4_vision_text", "", "GraniteForCausalLM", ()),
        ("qwen2_vl_text", "", "Qwen2ForCausalLM", ()),
        ("qwen3_vl_moe_text", "", "Qwen3MoeForCausalLM", (("norm_topk_prob", True),)),
    ],
)
def test_what_has_no_name_is_found_by_what_it_computes(
    model_type: str, part: str, architecture: str, settings: Any
) -> None:
    first = served(model_type, part=part).candidates[0]
    assert (first.architecture, first.found) == (architecture, "structure")
    assert (first.settings, first.rotation) == (settings, None)


def test_what_a_class_reads_and_the_config_lacks_is_told() -> None:
    (found,) = served("lfm2").candidates
    assert found.settings == (("conv_dim", "hidden_size"), ("block_dim", "hidden_size"))
    (older,) = served("lfm2", conv_dim=2560, block_dim=2560).candidates
    assert older.settings == ()


def test_another_rotation_is_another_computation() -> None:
    """PaddleOCR's text is Ernie's by its names, and rotates as Llama does."""
    found = served("paddleocr_vl", part="text_config").candidates
    assert {item.architecture: item.rotation for item in found if item.found == "structure"} == {
        "MistralForCausalLM": None,
        "LlamaForCausalLM": None,
        "Ernie4_5ForCausalLM": "halves",
    }


def test_a_class_that_rotates_the_other_way_is_told_how() -> None:
    first = served("helium").candidates[0]
    assert (first.architecture, first.rotation) == ("LlamaForCausalLM", "pairs")


def test_layers_that_do_not_rotate_are_told_from_those_that_do() -> None:
    """Cohere2 rotates in its sliding layers alone, and CohereCompass in all."""
    full: dict[str, Any] = {"num_hidden_layers": 2, "layer_types": ["full_attention"] * 2}
    found = {item.architecture for item in served("cohere_compass_text", **full).candidates}
    assert "Cohere2ForCausalLM" not in found


def test_a_rotation_for_each_kind_of_layer_is_another_than_one_for_all() -> None:
    kinds = ["sliding_attention", "full_attention"]
    rope = {kind: {"rope_type": "default", "rope_theta": 1e4} for kind in kinds}
    values: dict[str, Any] = {"num_hidden_layers": 2, "layer_types": kinds}
    (found,) = served("cohere_compass_text", rope_parameters=rope, **values).candidates
    assert found.found == "backend"


def test_a_text_class_of_vllm_alone_is_found_by_the_name_of_the_model() -> None:
    found = served("step3p7", part="text_config").candidates[0]
    assert (found.architecture, found.found) == ("Step3p5ForCausalLM", "namesake")


def test_the_backend_takes_what_no_class_computes() -> None:
    (found,) = served("aria_text").candidates
    assert (found.architecture, found.found, found.decoder) == (
        "TransformersForCausalLM",
        "backend",
        None,
    )


def test_a_decoder_that_transformers_has_no_name_for_is_told() -> None:
    found = served("emu3", part="text_config").candidates[-1]
    assert found.decoder == ("transformers.models.emu3.modeling_emu3", "Emu3TextModel")


@pytest.mark.parametrize(
    ("model_type", "part", "why"),
    [
        ("mllama", "text_config", "attends to other states than its own"),
        ("bart", "", "does not let another library do its attention"),
        ("idefics", "", "more than a language model's layers"),
    ],
)
def test_what_nothing_serves_is_refused_with_the_reason(
    model_type: str, part: str, why: str
) -> None:
    found = served(model_type, part=part)
    assert found.candidates == ()
    assert why in found.refusal


def test_a_head_is_compared_both_ways() -> None:
    assert spec("granite").head_arithmetic == ("logits_scaling",)
    assert spec("granite", "logits_scaling").head_arithmetic == ()
    assert spec("llama").missing_arithmetic == ()
    assert spec("llama", "logit_scale", logit_scale=0.5).missing_arithmetic == ("logit_scale",)
    assert spec("llama", "logit_scale", logit_scale=1.0).missing_arithmetic == ()


def test_positions_of_several_axes_are_told() -> None:
    sections = {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [4, 6, 6]}
    assert spec("llama", rope_parameters=sections).positions == "mrope"
    assert spec("llama").positions == "rope"


@pytest.mark.parametrize(
    ("model_type", "prefix"), [("llama4_text", "model"), ("gpt2", "transformer")]
)
def test_the_decoder_is_named_as_its_class_has_it(model_type: str, prefix: str) -> None:
    assert spec(model_type).base_prefix == prefix


def test_the_whole_models_arithmetic_is_told_where_some_is_missing() -> None:
    logits = Logits(scale="text_config.logit_scale")
    assert spec("llama", "logit_scale", logits=logits, logit_scale=0.5).logits == logits
    assert spec("granite", "logits_scaling", logits=logits).logits is None


def test_heads_that_differ_by_layer_are_refused() -> None:
    kinds = ["full_attention", "sliding_attention"]
    values: dict[str, Any] = {"num_hidden_layers": 2, "layer_types": kinds}
    found = served("step3p5", num_attention_heads=4, num_sliding_attention_heads=8, **values)
    assert not found.candidates
    assert "one number of attention heads" in found.refusal


def test_a_class_is_told_what_is_the_same_in_all_models_of_its_kind() -> None:
    told = served("deepseek_v3").candidates[0].settings
    assert ("topk_method", TextValue("noaux_tc")) in told
    assert ("scoring_func", TextValue("sigmoid")) in told
    assert not served("deepseek_v3", topk_method="x", scoring_func="x").candidates[0].settings


def test_a_text_config_on_the_backend_goes_by_its_own_type() -> None:
    config = hf_library.build_config("emu3", {}).text_config
    config.model_type = "emu3"
    (found,) = [one for one in serve(Text(config), CATALOG).candidates if one.found == "backend"]
    assert found.settings == (("model_type", TextValue("emu3_text_model")),)
