"""What a shrunk config keeps, and what it loses."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mmport.core.errors import MalformedSource, NotPortable
from mmport.reference_models import named
from mmport.reference_models.facts import family_of, sizes
from mmport.reference_models.resolve import Resolved, resolve
from mmport.reference_models.shrink import shrink_config

Config = dict[str, Any]
OWN = sizes().vocabulary


def llava(text: Config | None = None, vision: Config | None = None, **top: Any) -> Config:
    """A LLaVA of real size with the given parts."""
    config = named.load("clip-llama").config
    return {
        **config,
        "text_config": {**config["text_config"], **(text or {})},
        "vision_config": {**config["vision_config"], **(vision or {})},
        **top,
    }


def whole(config: Config) -> Resolved:
    return resolve(config, family_of(config))


class TestEveryReferenceModel:
    @pytest.fixture(params=named.names())
    def config(self, request: pytest.FixtureRequest) -> Config:
        return named.load(request.param).config

    def test_is_small(self, config: Config) -> None:
        small = whole(shrink_config(config))
        assert small.text.number("hidden_size") <= 160
        assert small.text.number("num_hidden_layers") == 2
        assert small.vision.number("num_hidden_layers") <= 8

    def test_heads_divide(self, config: Config) -> None:
        small = whole(shrink_config(config))
        text, vision = small.text, small.vision
        assert text.number("num_attention_heads") % text.number("num_key_value_heads") == 0
        assert vision.number("hidden_size") % vision.number("num_attention_heads") == 0

    def test_no_two_roles_share_a_size(self, config: Config) -> None:
        small = whole(shrink_config(config))
        layers = small.feature_layers
        widths = [
            small.text.number("hidden_size"),
            small.text.number("intermediate_size"),
            small.vision.number("hidden_size") * (len(layers) if isinstance(layers, list) else 1),
            small.vision.number("intermediate_size"),
        ]
        assert len(set(widths)) == len(widths)
        for part in (small.text, small.vision):
            assert 2 * part.number("intermediate_size") != part.number("hidden_size")

    def test_twice_is_once(self, config: Config) -> None:
        once = shrink_config(config, own_tokenizer=True)
        assert shrink_config(once, own_tokenizer=True) == once

    def test_the_original_is_not_changed(self, config: Config) -> None:
        before = copy.deepcopy(config)
        shrink_config(config, own_tokenizer=True)
        assert config == before


class TestText:
    @pytest.mark.parametrize(
        ("heads", "shared", "expected"), [(32, 32, 4), (32, 8, 2), (28, 4, 2), (8, 1, 1)]
    )
    def test_sharing_of_heads(self, heads: int, shared: int, expected: int) -> None:
        text = {"num_attention_heads": heads, "num_key_value_heads": shared, "hidden_size": 3584}
        small = shrink_config(llava(text))["text_config"]
        assert (small["num_attention_heads"], small["num_key_value_heads"]) == (4, expected)

    @pytest.mark.parametrize(
        ("hidden", "head", "sign"), [(4096, 128, 0), (5120, 128, -1), (2048, 128, 1)]
    )
    def test_explicit_head_size(self, hidden: int, head: int, sign: int) -> None:
        text = {"hidden_size": hidden, "num_attention_heads": 32, "head_dim": head}
        small = shrink_config(llava(text))["text_config"]
        product = small["num_attention_heads"] * small["head_dim"]
        assert (product > small["hidden_size"]) - (product < small["hidden_size"]) == sign
        assert small["head_dim"] >= 32

    @pytest.mark.parametrize(
        "model_type", ["gemma", "qwen3", "helium", "phi3", "mixtral", "cohere2", "gpt_neox", "gptj"]
    )
    def test_families_whose_configs_say_things_differently(self, model_type: str) -> None:
        config = llava()
        config["text_config"] = {"model_type": model_type}
        small = whole(shrink_config(config, own_tokenizer=True)).text
        assert small.number("hidden_size") in (128, 160)
        assert small.number("num_hidden_layers") == 2
        assert small.number("vocab_size") == OWN.size
        if small.get("head_dim") is not None:
            assert small.number("head_dim") in (32, 64)

    def test_aliases_are_followed(self) -> None:
        config = llava()
        config["text_config"] = {"model_type": "gptj", "n_embd": 4096, "n_head": 16, "n_layer": 28}
        small = shrink_config(config)["text_config"]
        assert (small["n_embd"], small["n_head"], small["n_layer"]) == (128, 4, 2)
        assert "hidden_size" not in small

    def test_lists_with_an_entry_a_layer_are_trimmed_alike(self) -> None:
        kinds = ["sliding_attention"] * 3 + ["full_attention"]
        text = {
            "model_type": "smollm3",
            "num_hidden_layers": 8,
            "layer_types": kinds * 2,
            "no_rope_layers": [1, 1, 1, 0] * 2,
        }
        small = shrink_config(llava(text))["text_config"]
        assert small["layer_types"] == ["sliding_attention", "full_attention"]
        assert small["no_rope_layers"] == [1, 0]

    def test_kinds_of_layers_that_only_the_class_knows(self) -> None:
        config = llava()
        config["text_config"] = {"model_type": "gemma3_text"}
        small = whole(shrink_config(config)).text
        assert small.get("layer_types") == ["sliding_attention", "full_attention"]

    def test_window_boundaries(self) -> None:
        text = {"model_type": "qwen2", "num_hidden_layers": 28, "max_window_layers": 28}
        assert shrink_config(llava(text))["text_config"]["max_window_layers"] == 2
        text["max_window_layers"] = 21
        assert shrink_config(llava(text))["text_config"]["max_window_layers"] == 1

    def test_experts_are_few_and_never_more(self) -> None:
        text = {"model_type": "mixtral", "num_local_experts": 8, "num_experts_per_tok": 1}
        small = shrink_config(llava(text))["text_config"]
        assert (small["num_local_experts"], small["num_experts_per_tok"]) == (4, 1)

    def test_multipliers_and_unknown_keys_are_kept(self) -> None:
        kept = {
            "model_type": "granite",
            "embedding_multiplier": 12.0,
            "logits_scaling": 16.0,
            "rope_theta": 5e5,
            "something_new": {"a": [1, 2]},
        }
        small = shrink_config(llava(kept))["text_config"]
        assert {key: small[key] for key in kept} == kept

    def test_quantisation_is_dropped(self) -> None:
        config = llava({"quantization_config": {"bits": 4}}, quantization_config={"bits": 4})
        small = shrink_config(config)
        assert "quantization_config" not in small
        assert "quantization_config" not in small["text_config"]


class TestVision:
    @settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=25)
    @given(st.lists(st.integers(-25, 24), min_size=1, max_size=4))
    def test_features_stay_apart(self, layers: list[int]) -> None:
        small = shrink_config(llava(vision_feature_layer=layers))
        moved, total = small["vision_feature_layer"], small["vision_config"]["num_hidden_layers"]
        assert all(-total - 1 <= layer <= total for layer in moved)
        assert len({layer % 25 for layer in layers}) == len(
            {layer % (total + 1) for layer in moved}
        )

    def test_one_layer_stays_a_number_and_a_list_a_list(self) -> None:
        assert shrink_config(llava(vision_feature_layer=-2))["vision_feature_layer"] == -2
        assert shrink_config(llava(vision_feature_layer=[-2]))["vision_feature_layer"] == [-2]

    def test_a_missing_layer_is_the_default_one(self) -> None:
        config = llava()
        del config["vision_feature_layer"]
        assert shrink_config(config)["vision_feature_layer"] == -2

    def test_parts_may_be_missing(self) -> None:
        config = {"model_type": "llava", "architectures": ["LlavaForConditionalGeneration"]}
        small = shrink_config(config, own_tokenizer=True)
        assert small["text_config"]["hidden_size"] == 128
        assert small["vision_config"]["image_size"] == 40
        assert small["image_token_index"] == OWN.placeholder_id

    @pytest.mark.parametrize(("tokens", "expected"), [(576, 25), (577, 26), (100, 25)])
    def test_image_seq_length(self, tokens: int, expected: int) -> None:
        assert shrink_config(llava(image_seq_length=tokens))["image_seq_length"] == expected

    @pytest.mark.parametrize("layer", [25, -26, [0, 99]])
    def test_a_layer_that_is_not_there(self, layer: object) -> None:
        with pytest.raises(MalformedSource, match="24 layers"):
            shrink_config(llava(vision_feature_layer=layer))


class TestVocabulary:
    def test_is_kept_with_the_tokenizer(self) -> None:
        small = shrink_config(llava())
        assert small["text_config"]["vocab_size"] == 32064
        assert small["image_token_index"] == 32000

    def test_becomes_the_made_tokenizers(self) -> None:
        text = {"vocab_size": 128256, "bos_token_id": 128000, "eos_token_id": [128001, 128009]}
        small = shrink_config(llava(text), own_tokenizer=True)
        assert small["text_config"]["vocab_size"] == small["vocab_size"] == OWN.size
        assert small["text_config"]["bos_token_id"] == OWN.bos_token_id
        assert small["text_config"]["eos_token_id"] == [OWN.eos_token_id]
        assert small["image_token_index"] == OWN.placeholder_id
        assert small["pad_token_id"] == OWN.pad_token_id

    def test_no_beginning_stays_none(self) -> None:
        small = shrink_config(llava({"bos_token_id": None}), own_tokenizer=True)
        assert small["text_config"]["bos_token_id"] is None

    def test_the_other_name_of_the_placeholder(self) -> None:
        config = llava(image_token_id=32000)
        del config["image_token_index"]
        small = shrink_config(config, own_tokenizer=True)
        assert small["image_token_id"] == OWN.placeholder_id
        assert "image_token_index" not in small

    def test_ids_of_the_class_that_are_too_large(self) -> None:
        config = llava()
        config["text_config"] = {"model_type": "phi3"}
        assert whole(shrink_config(config, own_tokenizer=True)).text.get("pad_token_id") < OWN.size


class TestRefused:
    def test_another_family(self) -> None:
        with pytest.raises(NotPortable, match="qwen2_vl"):
            shrink_config({"model_type": "qwen2_vl"})

    def test_no_family(self) -> None:
        with pytest.raises(NotPortable, match="None"):
            shrink_config({})

    def test_a_part_that_transformers_lacks(self) -> None:
        with pytest.raises(NotPortable, match="secret_lm"):
            shrink_config(llava({"model_type": "secret_lm"}))

    @pytest.mark.parametrize(
        "change",
        [
            {"text": {"hidden_size": "__import__('os')"}},
            {"text": {"num_attention_heads": 0}},
            {"text": {"num_attention_heads": -4}},
            {"vision": {"patch_size": 0}},
            {"vision": {"image_size": "336"}},
            {"vision_feature_layer": "last"},
            {"image_seq_length": "many"},
            {"text_config": ["llama"]},
        ],
    )
    def test_malformed(self, change: dict[str, Any]) -> None:
        with pytest.raises(MalformedSource):
            shrink_config(llava(**change) if "text_config" not in change else llava() | change)
