"""The reference models that come with mmport."""

from __future__ import annotations

from typing import get_args

import pytest

from mmport.core.errors import Usage
from mmport.model.spec import KeyLayout
from mmport.reference_models import named
from mmport.reference_models.facts import family_of
from mmport.reference_models.resolve import resolve


@pytest.mark.parametrize("name", named.names())
def test_loads_and_is_of_real_size(name: str) -> None:
    model = named.load(name)
    family = family_of(model.config)
    whole = resolve(model.config, family)
    assert set(family.layouts) == set(get_args(KeyLayout))
    assert model.layout in family.layouts
    assert whole.text.number("hidden_size") >= 896
    assert whole.vision.number("num_hidden_layers") >= 24


def test_together_they_cover_what_a_llava_can_be() -> None:
    whole = [
        resolve(model.config, family_of(model.config)) for model in map(named.load, named.names())
    ]
    assert {one.vision.model_type for one in whole} == {"clip_vision_model", "siglip_vision_model"}
    assert {one.text.model_type for one in whole} == {"llama", "mistral", "qwen2"}
    assert {one.values["vision_feature_select_strategy"] for one in whole} == {"default", "full"}
    assert {one.values["tie_word_embeddings"] for one in whole} == {True, False}
    assert any(isinstance(one.feature_layers, list) for one in whole)
    assert {named.load(name).layout for name in named.names()} == {
        "transformers-4",
        "transformers-4.52",
        "transformers-5",
    }


def test_default_is_one_of_them() -> None:
    assert named.DEFAULT in named.names()


def test_changes_do_not_reach_the_model_they_are_made_to() -> None:
    assert named.load("two-layers").config["vision_feature_layer"] == [-7, -2]
    assert named.load("clip-llama").config["vision_feature_layer"] == -2
    assert named.load("tied-embeddings").config["text_config"]["model_type"] == "qwen2"


@pytest.mark.parametrize("name", ["nothing", "../models/clip-llama", ""])
def test_unknown_name(name: str) -> None:
    with pytest.raises(Usage, match="no reference model"):
        named.load(name)
