"""What a shrunk config keeps, and what it loses."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mmport.core.errors import MalformedSource, NotPortable
from mmport.reference_models import named
from mmport.reference_models import shrink as shrinking
from mmport.reference_models.facts import family_of, sizes
from mmport.reference_models.recipe import find_source
from mmport.reference_models.resolve import Part, Resolved, resolve

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


def shrink_config(config: Config, *, own_tokenizer: bool = False) -> Config:
    family = family_of(config["model_type"])
    return shrinking.shrink_config(config, family, own_tokenizer=own_tokenizer)[0]


def whole(config: Config) -> Resolved:
    return resolve(config)


def vision(config: Config) -> Part:
    found = resolve(config).vision
    assert found is not None
    return found


def rows(count: int) -> int:
    """Rows of embeddings for a made tokenizer with so many special tokens."""
    return max(512, -(-(OWN.trained + count + 2) // 64) * 64)


LLAVA = [name for name in named.names() if named.load(name).config["model_type"] == "llava"]


class TestEveryReferenceModel:
    @pytest.fixture(params=named.names())
    def config(self, request: pytest.FixtureRequest) -> Config:
        return find_source(request.param).config

    def test_is_small_and_stays_so(self, config: Config) -> None:
        before = copy.deepcopy(config)
        once = shrink_config(config, own_tokenizer=True)
        assert config == before
        text = whole(once).text
        assert text.number("hidden_size") <= 160
        assert text.number("vocab_size") <= 2048
        assert text.layers <= 6
        assert shrink_config(once, own_tokenizer=True) == once


class TestEveryLlava:
    @pytest.fixture(params=LLAVA)
    def config(self, request: pytest.FixtureRequest) -> Config:
        return find_source(request.param).config

    def test_heads_divide(self, config: Config) -> None:
        small = shrink_config(config)
        for part in (whole(small).text, vision(small)):
            shared = part.get("num_key_value_heads") or 1
            assert part.number("num_attention_heads") % shared == 0
        encoder = vision(small)
        assert encoder.number("hidden_size") % encoder.number("num_attention_heads") == 0
        assert encoder.number("num_hidden_layers") <= 8

    def test_no_two_roles_share_a_size(self, config: Config) -> None:
        small = shrink_config(config)
        text, encoder, layers = whole(small).text, vision(small), small["vision_feature_layer"]
        several = len(layers) if isinstance(layers, list) else 1
        widths = [
            text.number("hidden_size"),
            text.number("intermediate_size"),
            encoder.number("hidden_size") * several,
            encoder.number("intermediate_size"),
        ]
        assert len(set(widths)) == len(widths)
        for part in (text, encoder):
            assert 2 * part.number("intermediate_size") != part.number("hidden_size")


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
        assert small.number("vocab_size") == rows(1)
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

    def test_settings_of_single_layers_follow_them(self) -> None:
        text = {"attention_k_eq_v": True, "num_global_key_value_heads": 2, "num_key_value_heads": 8}
        small = whole(shrink_config({"model_type": "gemma4", "text_config": text})).text
        assert small.get("layer_types") == ["sliding_attention", "full_attention"]
        assert small.number("head_dim") == 32
        settings = {int(layer): at for layer, at in small.values["per_layer_config"].items()}
        assert settings == {1: {"head_dim": 64, "num_key_value_heads": 1}}

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
        assert small["vision_config"]["image_size"] == 112
        assert small["image_token_index"] == OWN.trained

    @pytest.mark.parametrize(("tokens", "expected"), [(576, 64), (577, 65), (144, 16)])
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
        assert small["text_config"]["vocab_size"] == small["vocab_size"] == rows(1)
        assert small["text_config"]["bos_token_id"] == OWN.bos_token_id
        assert small["text_config"]["eos_token_id"] == [OWN.eos_token_id]
        assert small["image_token_index"] == OWN.trained
        assert small["pad_token_id"] == OWN.trained + 1

    def test_no_beginning_stays_none(self) -> None:
        small = shrink_config(llava({"bos_token_id": None}), own_tokenizer=True)
        assert small["text_config"]["bos_token_id"] is None

    def test_the_other_name_of_the_placeholder(self) -> None:
        config = llava(image_token_id=32000)
        del config["image_token_index"]
        small = shrink_config(config, own_tokenizer=True)
        assert small["image_token_id"] == OWN.trained
        assert "image_token_index" not in small

    def test_ids_of_the_class_that_are_too_large(self) -> None:
        config = llava()
        config["text_config"] = {"model_type": "phi3"}
        assert whole(shrink_config(config, own_tokenizer=True)).text.get("pad_token_id") < rows(1)


class TestRefused:
    def test_a_model_that_transformers_lacks(self) -> None:
        with pytest.raises(NotPortable, match="secret_vlm"):
            shrink_config({"model_type": "secret_vlm"})

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
