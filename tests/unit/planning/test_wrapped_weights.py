"""The weight map of a wrapped port, from facts alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmport.model.conversions import Conversions, NameRule, Operation, TensorRule, WeightFacts
from mmport.model.spec import Anatomy
from mmport.planning.wrapped_weights import WeightMap, wrapped_weights


def anatomy(path: str = "model", language: str = "model.text") -> Anatomy:
    return Anatomy("m", "Owner", path, ("tower", "newline", "width"), (), (), (), language)


def weight_map(
    *rules: NameRule,
    tensors: tuple[TensorRule, ...] = (),
    borrowed_text: bool = False,
    served_by: str = "",
    text_rules: tuple[NameRule, ...] = (),
    names: tuple[tuple[str, tuple[str, ...]], ...] = (
        ("model.tower", ("layers", "fc1", "self_attn", "q_proj")),
        ("model.newline", ()),
        ("model.text", ("layers", "norm")),
    ),
    **more: tuple[object, ...],
) -> WeightMap:
    conversions = (Conversions("", rules, tensors), Conversions("model.text", text_rules))
    facts = WeightFacts(
        ("tower", "newline"),
        conversions,
        names,
        borrowed_text=borrowed_text,
        **more,  # type: ignore[arg-type]
    )
    return wrapped_weights(anatomy(), facts, base_prefix="model", served_by=served_by)


@given(
    above=st.sampled_from(["", "model."]),
    leaf=st.from_regex(r"[a-z_]+(\.[a-z0-9_]+){0,4}", fullmatch=True),
)
def test_the_base_level_is_optional(above: str, leaf: str) -> None:
    found = weight_map()
    assert found.name(f"{above}tower.{leaf}") == f"encoder.tower.{leaf}"
    assert found.name(f"{above}newline") == "encoder.newline"
    assert found.name(f"{above}text.layers.{leaf}") == f"language_model.model.layers.{leaf}"


@pytest.mark.parametrize("name", ["lm_head", "text.lm_head", "model.text.lm_head"])
def test_the_head_is_found_at_every_place(name: str) -> None:
    assert weight_map().name(f"{name}.weight") == "language_model.lm_head.weight"


def test_a_name_of_no_part_is_left_for_the_loader_to_refuse() -> None:
    assert weight_map().name("towers.x") == "towers.x"
    assert weight_map().name("width.x") == "width.x"


def test_other_names_of_a_part_are_sorted_before_they_are_renamed() -> None:
    found = weight_map(NameRule(r"^vit\.blocks\.", "vit.layers."), NameRule("^vit", "model.tower"))
    assert found.name("vit.blocks.0.fc1") == "encoder.tower.layers.0.fc1"
    assert found.name("model.vit.layers.0.fc1") == "encoder.tower.layers.0.fc1"


def test_renames_within_the_encoder_leave_the_language_model_alone() -> None:
    found = weight_map(NameRule("blocks", "layers"))
    assert found.name("tower.blocks.0.fc1") == "encoder.tower.layers.0.fc1"
    assert found.name("text.blocks.0.fc1") == "language_model.model.blocks.0.fc1"


def test_unless_saving_did_that_to_another_models_class() -> None:
    found = weight_map(NameRule("blocks", "layers"), borrowed_text=True)
    assert found.name("text.blocks.0.fc1") == "language_model.model.layers.0.fc1"


def test_the_backend_has_the_modules_that_transformers_renames_to() -> None:
    found = weight_map(NameRule("blocks", "layers"), served_by="TransformersForCausalLM")
    assert found.name("text.blocks.0.fc1") == "language_model.model.layers.0.fc1"


def test_a_text_class_is_asked_by_its_own_names() -> None:
    found = weight_map(served_by="Lfm2ForCausalLM")
    name = "language_model.model.layers.0.{}.weight"
    assert found.name("text.layers.0.conv.in_proj.weight") == name.format("short_conv.in_proj")
    assert found.name("text.layers.0.conv.conv.weight") == name.format("conv.conv")


def test_steps_that_others_lead_on_from_are_kept() -> None:
    found = weight_map(NameRule(r"mlp\.0", "inner.first"), NameRule(r"inner\.first", "fc1"))
    assert found.name("tower.mlp.0.weight") == "encoder.tower.fc1.weight"


def test_rules_about_what_the_encoder_has_not_are_left_out() -> None:
    assert weight_map(NameRule(r"\.moe\.gate", ".experts.gate")) == weight_map()


def test_a_part_without_source_may_have_anything() -> None:
    names = (("model.text", ()),)
    found = weight_map(NameRule(r"\.moe\.gate", ".experts.gate"), names=names)
    assert found.name("tower.moe.gate") == "encoder.tower.experts.gate"


def test_the_decoder_is_found_where_it_has_no_level() -> None:
    found = weight_map(
        NameRule(r"(^|model\.)layers\.", r"\1text.layers."),
        NameRule(r"(?<!\w)norm\.", "text.norm."),
    )
    for above in ("", "model."):
        assert found.name(f"{above}layers.0.x") == "language_model.model.layers.0.x"
        assert found.name(f"{above}norm.weight") == "language_model.model.norm.weight"
    assert found.name("tower.layers.0.norm.weight") == "encoder.tower.layers.0.norm.weight"


def test_the_decoder_is_found_where_it_is_all() -> None:
    found = weight_map(NameRule(r"^model(?!\.(text|tower))", "model.text"))
    assert found.name("model.layers.0.x") == "language_model.model.layers.0.x"
    assert found.name("model.text.layers.0.x") == "language_model.model.layers.0.x"
    assert found.name("model.tower.x") == "encoder.tower.x"


def test_what_older_layouts_call_the_decoder_is_vllms_to_know() -> None:
    found = weight_map(text_rules=(NameRule(r"backbone\.", "model."),))
    for above in ("", "model."):
        assert found.name(f"{above}text.backbone.norm") == "language_model.backbone.norm"
    assert found.name("text.norm.weight") == "language_model.model.norm.weight"


def test_tensors_are_split_in_the_encoder_alone() -> None:
    split = TensorRule((r"qkv\.",), ("q_proj.", "self_attn."), (Operation("Chunk"),))
    experts = TensorRule(("experts",), ("experts.gate",), (Operation("Concatenate"),))
    found = weight_map(tensors=(split, experts))
    assert found.names("tower.qkv.weight") == (
        "encoder.tower.q_proj.weight",
        "encoder.tower.self_attn.weight",
    )
    assert len(found.changes) == 1


def test_what_is_left_out_is_dropped_under_its_old_name_as_well() -> None:
    found = weight_map(NameRule("^ears", "model.audio"), left_out=("audio",))
    assert found.name("ears.x") is None
    assert found.name("model.audio.x") is None
    assert found.name("audiology.x") == "audiology.x"


def test_ignored_names_are_dropped_where_there_is_no_place_for_them() -> None:
    found = weight_map(ignored=(("", ("^mtp.*", "fc1", "packing")), ("model.text", ("norm",))))
    assert found.name("mtp.layers.0") is None
    assert found.name("tower.packing.weight") is None
    assert found.name("tower.fc1.weight") == "encoder.tower.fc1.weight"
    assert found.name("text.norm.weight") == "language_model.model.norm.weight"


@pytest.mark.parametrize(
    ("path", "parts", "inner"),
    [("model", ("tower",), "encoder.tower"), ("", ("model.tower",), "encoder.model.tower")],
)
def test_a_decoder_with_a_tower_in_it(path: str, parts: tuple[str, ...], inner: str) -> None:
    """A class that is the decoder, and one that keeps such a class under a name."""
    owner = Anatomy("m", "Owner", path, parts, (), (), (), "model")
    conversions = (Conversions("model.tower", (NameRule(r"^vision\.", ""),)),)
    facts = WeightFacts(parts, conversions, (("model", ("layers", "norm", "tower")),))
    found = wrapped_weights(owner, facts, base_prefix="model")
    assert found.name("model.tower.layers.0.fc1") == f"{inner}.layers.0.fc1"
    assert found.name("model.tower.vision.layers.0.fc1") == f"{inner}.layers.0.fc1"
    assert found.name("model.layers.0.mlp") == "language_model.model.layers.0.mlp"
    assert found.name("model.norm.weight") == "language_model.model.norm.weight"
    assert found.name("lm_head.weight") == "language_model.lm_head.weight"
