from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mmport.core.errors import MalformedSource, ModelNotFound, NotPortable, SourceError
from mmport.core.jsonable import from_json, to_json
from mmport.model.spec import VlmSpec
from tests.unit.inspection.test_inspector import only_config, seen, spec_of, tiny


def test_a_folder_without_config(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound, match=r"holds no config\.json"):
        spec_of(tmp_path)


def test_a_pipeline_of_diffusers(tmp_path: Path) -> None:
    (tmp_path / "model_index.json").write_text("{}")
    with pytest.raises(NotPortable, match="generates images and no text"):
        spec_of(tmp_path)


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "text only": ({"model_type": "llama", "architectures": ["LlamaForCausalLM"]}, "no encoder"),
    "text only, unnamed": ({"model_type": "qwen2"}, "no encoder"),
    "two merges": (
        {"model_type": "ovis2", "vision_config": {}},
        "in more than one place",
    ),
    "cross-attention": (
        {"model_type": "mllama", "architectures": ["MllamaForConditionalGeneration"]},
        "by cross-attention",
    ),
    "images made of tokens": (
        {"model_type": "emu3", "architectures": ["Emu3ForConditionalGeneration"]},
        "as it does to generate images",
    ),
    "the authors' own code": (
        {"model_type": "llava", "architectures": ["LlavaLlamaForCausalLM"]},
        "in its authors' own code",
    ),
    "hub code": (
        {"model_type": "x_vl", "auto_map": {"AutoConfig": "configuration_x.XConfig"}},
        "code in the model's repo, which is not supported yet",
    ),
    "unknown type": ({"model_type": "x_vl"}, "knows no model type 'x_vl'"),
    "unknown text type": (tiny(text_config={"model_type": "x_lm"}), "no model type 'x_lm'"),
    "unknown encoder type": (tiny(vision_config={"model_type": "x_vit"}), "no model type 'x_vit'"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_ported_is_refused_with_the_reason(tmp_path: Path, case: str) -> None:
    config, said = REFUSED[case]
    with pytest.raises(NotPortable, match=said) as caught:
        spec_of(only_config(tmp_path, config))
    assert caught.value.exit_code == 3
    assert caught.value.hint


def test_trusting_remote_code_does_not_run_it(tmp_path: Path) -> None:
    (tmp_path / "configuration_x.py").write_text("raise SystemExit('it was run')")
    config = {"model_type": "x_vl", "auto_map": {"AutoConfig": "configuration_x.XConfig"}}
    with pytest.raises(NotPortable, match="does not change that yet"):
        seen(only_config(tmp_path, config), trust_remote_code=True)


def test_a_text_model_is_sent_to_vllm(tmp_path: Path) -> None:
    with pytest.raises(NotPortable) as caught:
        spec_of(only_config(tmp_path, {"model_type": "llama"}))
    assert "vllm serve" in caught.value.hint


CODE = '"); __import__("os").system("touch pwned"); ("'

BROKEN: dict[str, dict[str, Any]] = {
    "no model type": {"architectures": ["LlavaForConditionalGeneration"]},
    "model type of another kind": {"model_type": 5},
    "architectures of another kind": tiny(architectures="LlavaForConditionalGeneration"),
    "two architectures": tiny(architectures=["LlavaForConditionalGeneration", "Other"]),
    "architecture and type do not fit": tiny(model_type="qwen2_vl"),
    "text size of another kind": tiny(text_config={"hidden_size": "64"}),
    "negative text size": tiny(text_config={"hidden_size": -64}),
    "zero layers": tiny(text_config={"num_hidden_layers": 0}),
    "huge vocabulary": tiny(text_config={"vocab_size": 2**40}),
    "text config of another kind": tiny(text_config=[1]),
    "vision config of another kind": tiny(vision_config="clip"),
    "whole clip as tower": tiny(vision_config={"model_type": "clip"}),
    "heads that do not divide": tiny(vision_config={"num_attention_heads": 5}),
    "no patch": tiny(vision_config={"patch_size": 0}),
    "oblong image": tiny(vision_config={"image_size": [28, 56]}),
    "patch larger than image": tiny(vision_config={"patch_size": 56}),
    "token id of another kind": tiny(image_token_index="<image>"),
    "token id outside": tiny(image_token_index=320),
    "negative token id": tiny(image_token_index=-1),
    "boolean token id": tiny(image_token_index=True),
    "no feature layer": tiny(vision_feature_layer=[]),
    "feature layer outside": tiny(vision_feature_layer=3),
    "feature layer outside, counted back": tiny(vision_feature_layer=[-2, -4]),
    "feature layer of another kind": tiny(vision_feature_layer="-2"),
    "boolean feature layer": tiny(vision_feature_layer=True),
    "unknown selection": tiny(vision_feature_select_strategy="cls"),
    "unknown activation": tiny(projector_hidden_act="gelu_of_mine"),
    "bias of another kind": tiny(multimodal_projector_bias="yes"),
    "code as selection": tiny(vision_feature_select_strategy=CODE),
    "code as activation": tiny(projector_hidden_act=CODE),
    "deep": tiny(text_config={"rope_parameters": json.loads("[" * 500 + "]" * 500)}),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_config_is_said_in_one_line(tmp_path: Path, case: str) -> None:
    with pytest.raises(MalformedSource) as caught:
        spec_of(only_config(tmp_path, BROKEN[case]))
    assert caught.value.hint
    assert "\n" not in caught.value.what
    assert len(caught.value.what) < 400


@pytest.mark.parametrize("key", ["model_type", "architectures"])
def test_code_in_names_is_refused(tmp_path: Path, key: str) -> None:
    value: Any = [CODE] if key == "architectures" else CODE
    with pytest.raises(NotPortable) as caught:
        spec_of(only_config(tmp_path, tiny(**{key: value})))
    assert "pwned" in caught.value.what
    assert not Path("pwned").exists()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=4,
)
KEYS = st.sampled_from(
    [
        "architectures",
        "image_token_index",
        "model_type",
        "multimodal_projector_bias",
        "projector_hidden_act",
        "text_config",
        "tie_word_embeddings",
        "vision_config",
        "vision_feature_layer",
        "vision_feature_select_strategy",
        "torch_dtype",
        "quantization_config",
        "id2label",
    ]
)
INNER = st.sampled_from(
    ["hidden_size", "num_hidden_layers", "image_size", "patch_size", "vocab_size", "model_type"]
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(key=KEYS, inner=INNER | st.none(), value=JSON)
def test_any_value_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, key: str, inner: str | None, value: object
) -> None:
    folder = tmp_path_factory.mktemp("any")
    changed = {inner: value} if inner and key.endswith("_config") else value
    config = tiny() | {key: changed if changed is not None else 0}
    if isinstance(changed, dict) and isinstance(tiny().get(key), dict):
        config[key] = tiny()[key] | changed
    try:
        spec = spec_of(only_config(folder, config))
    except (SourceError, NotPortable):
        return
    assert from_json(to_json(spec), VlmSpec) == spec
