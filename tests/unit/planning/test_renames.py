from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmport.core.errors import NotPortable
from mmport.planning.renames import apply_renames, port_path, weight_renames

RENAMES = weight_renames(
    encoder="vision_tower",
    encoder_inner="vision_model",
    connector="multi_modal_projector",
    language_model="language_model",
    base_prefix="model",
)
LAYOUTS = {
    "transformers-4": {
        "tower": "vision_tower.vision_model.",
        "connector": "multi_modal_projector.",
        "decoder": "language_model.model.",
        "head": "language_model.lm_head.",
    },
    "transformers-4.52": {
        "tower": "model.vision_tower.vision_model.",
        "connector": "model.multi_modal_projector.",
        "decoder": "model.language_model.",
        "head": "lm_head.",
    },
    "transformers-5": {
        "tower": "vision_tower.",
        "connector": "multi_modal_projector.",
        "decoder": "language_model.model.",
        "head": "language_model.lm_head.",
    },
    "transformers-5, as its modules are named": {
        "tower": "model.vision_tower.",
        "connector": "model.multi_modal_projector.",
        "decoder": "model.language_model.",
        "head": "lm_head.",
    },
}
LEAVES = {
    "tower": ["embeddings.patch_embedding.weight", "encoder.layers.0.mlp.fc1.bias"],
    "connector": ["linear_1.weight", "linear_2.bias"],
    "decoder": ["embed_tokens.weight", "layers.1.self_attn.q_proj.weight", "norm.weight"],
    "head": ["weight"],
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_ends_at_the_same_names(layout: str) -> None:
    found = {
        apply_renames(RENAMES, f"{prefix}{leaf}")
        for part, prefix in LAYOUTS[layout].items()
        for leaf in LEAVES[part]
    }
    assert found == {
        "vision_tower.vision_model.embeddings.patch_embedding.weight",
        "vision_tower.vision_model.encoder.layers.0.mlp.fc1.bias",
        "multi_modal_projector.linear_1.weight",
        "multi_modal_projector.linear_2.bias",
        "language_model.model.embed_tokens.weight",
        "language_model.model.layers.1.self_attn.q_proj.weight",
        "language_model.model.norm.weight",
        "language_model.lm_head.weight",
    }


@given(
    layout=st.sampled_from(list(LAYOUTS)),
    part=st.sampled_from(["tower", "connector", "decoder", "head"]),
    leaf=st.from_regex(r"[a-z_]+(\.[a-z0-9_]+){0,4}", fullmatch=True),
)
def test_renaming_twice_is_renaming_once(layout: str, part: str, leaf: str) -> None:
    once = apply_renames(RENAMES, LAYOUTS[layout][part] + leaf)
    assert apply_renames(RENAMES, once) == once


def test_names_of_the_text_model_alone_are_left_as_they_are() -> None:
    for name in ("language_model.model.vision_tower.weight", "language_model.lm_head.bias"):
        assert apply_renames(RENAMES, name) == name


def test_the_decoder_is_called_as_the_text_class_calls_it() -> None:
    renames = weight_renames(
        encoder="vision_tower",
        encoder_inner="vision_model",
        connector="projector",
        language_model="language_model",
        base_prefix="model.decoder",
    )
    name = apply_renames(renames, "model.language_model.layers.0.fc1.weight")
    assert name == "language_model.model.decoder.layers.0.fc1.weight"


def test_the_base_level_is_no_part_of_a_ports_path() -> None:
    assert port_path("model.vision_tower") == "vision_tower"
    assert port_path("vision_tower.inner") == "vision_tower.inner"


@pytest.mark.parametrize("path", ["", "model.", r"a\g<0>", "a b", "vision_tower.*", "a..b"])
def test_a_path_that_is_none_is_refused(path: str) -> None:
    with pytest.raises(NotPortable, match="not an attribute path"):
        port_path(path)
    with pytest.raises(NotPortable, match="not an attribute path"):
        weight_renames(
            encoder="e", encoder_inner="i", connector="c", language_model="l", base_prefix=path
        )
