"""Which conversions a model takes, in which order, and where."""

from __future__ import annotations

from mmport.model.conversions import Conversions, NameRule, Submodel
from mmport.weights.conversion_source import Table
from mmport.weights.conversions import library_table, model_conversions

TABLE = Table(
    {
        "whole": (NameRule("^tower", "model.tower"),),
        "WholeModel": (NameRule("^text.model", "text"),),
        "Tower": (NameRule(r"^vision_model\.", ""),),
        "twin": (NameRule("a", "b"),),
        "legacy": (NameRule("gamma", "weight"),),
    }
)


def paths(*submodels: Submodel) -> list[str]:
    return [found.path for found in model_conversions(TABLE, submodels)]


def test_a_class_comes_before_its_type_and_everyones_rules_last() -> None:
    found = model_conversions(
        TABLE,
        (
            Submodel("", "WholeForText", "whole"),
            Submodel("model", "WholeModel", "whole"),
            Submodel("model.tower", "Tower", "clip"),
        ),
    )
    assert [scope.path for scope in found] == ["", "model", "model.tower", ""]
    assert found[-1].names == (NameRule("gamma", "weight"),)


def test_a_type_is_taken_once_by_the_outermost() -> None:
    outer, inner = Submodel("a", "A", "twin"), Submodel("a.b", "B", "twin")
    assert paths(outer, inner) == ["a", ""]
    assert paths(outer, Submodel("c", "C", "twin")) == ["a", "c", ""]


def test_a_classs_own_renames_come_first() -> None:
    own = (NameRule("^x", "y"),)
    assert model_conversions(TABLE, (), own=own) == (Conversions("", own),)


def test_a_vision_tower_of_transformers_4_loses_its_level_where_it_is() -> None:
    found = model_conversions(
        library_table(),
        (
            Submodel("", "LlavaForConditionalGeneration", "llava"),
            Submodel("model", "LlavaModel", "llava"),
            Submodel("model.vision_tower", "CLIPVisionModel", "clip_vision_model"),
        ),
    )
    assert Conversions("model.vision_tower", (NameRule(r"^vision_model\.", ""),)) in found
    assert [scope.path for scope in found] == ["", "model", "model.vision_tower", ""]
