"""The reference models that come with mmport."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from mmport.core.errors import Usage
from mmport.model.spec import KeyLayout
from mmport.reference_models import named
from mmport.reference_models.facts import families, family_of, model_types
from mmport.reference_models.resolve import resolve

LLAVA = sorted(path.stem for path in (Path(named.__file__).parent / "models").glob("*.json"))


@pytest.mark.parametrize("name", LLAVA)
def test_loads_and_is_of_real_size(name: str) -> None:
    model = named.load(name)
    whole = resolve(model.config)
    layouts = family_of("llava").layouts
    assert set(layouts) == set(get_args(KeyLayout))
    assert model.layout in layouts
    assert whole.text.number("hidden_size") >= 896
    assert whole.vision is not None
    assert whole.vision.number("num_hidden_layers") >= 24


def test_together_they_cover_what_a_llava_can_be() -> None:
    whole = [resolve(model.config) for model in map(named.load, LLAVA)]
    values = [one.whole.values for one in whole]
    assert {one.vision.model_type for one in whole if one.vision} == {
        "clip_vision_model",
        "siglip_vision_model",
    }
    assert {one.text.model_type for one in whole} == {"llama", "mistral", "qwen2"}
    assert {one["vision_feature_select_strategy"] for one in values} == {"default", "full"}
    assert {one["tie_word_embeddings"] for one in values} == {True, False}
    assert any(isinstance(one["vision_feature_layer"], list) for one in values)
    assert {named.load(name).layout for name in LLAVA} == {
        "transformers-4",
        "transformers-4.52",
        "transformers-5",
    }


def test_every_model_type_is_one() -> None:
    assert len(model_types()) == len(set(model_types())) >= 82
    for model_type in model_types():
        model = named.load(model_type)
        assert (model.name, model.config["model_type"]) == (model_type, model_type)


def test_families_speak_of_model_types_that_are_there() -> None:
    spoken = [name for family in families() for name in family.model_types]
    assert len(spoken) == len(set(spoken))
    assert set(spoken) <= set(model_types())
    assert all(family.why for family in families())


def test_variants_differ_from_their_family() -> None:
    for family in families():
        for model_type in family.model_types:
            for name, variant in family.variants.items():
                model = named.load(f"{model_type}-{name}")
                assert variant.layout or variant.config or variant.small, model.name
                assert variant.layout in {None, *family.layouts}
                assert model.config["model_type"] == model_type


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
