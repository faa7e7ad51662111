from __future__ import annotations

from typing import Any

from mmport.model.evidence import Outcome
from mmport.verification.weights import judge_weights

TOWER = "vision_tower"


def landing(tensor: str, parameter: str, elements: int = 4, first: int = 0) -> dict[str, Any]:
    return {"tensor": tensor, "parameter": parameter, "elements": elements, "first": first}


def trace(*landings: dict[str, Any], **changes: Any) -> dict[str, Any]:
    right = {
        "tensors": {item["tensor"]: item["elements"] for item in landings},
        "landings": list(landings),
        "unfilled": {},
        "padding": {},
        "altered": {},
        "aliases": {},
        "packed": {"qkv_proj": ["q_proj", "k_proj", "v_proj"]},
    }
    return right | changes


def failures(found: dict[str, Any], unused: tuple[str, ...] = ()) -> dict[str, str]:
    return {
        measurement.subject: measurement.detail
        for measurement in judge_weights(found, unused, TOWER)
        if measurement.outcome is Outcome.FAILED
    }


def test_every_element_once_is_right() -> None:
    assert failures(trace(landing("a.weight", "x.a.weight"), landing("b.bias", "x.b.bias"))) == {}


def test_a_tensor_that_hf_uses_must_be_loaded() -> None:
    found = trace(landing("a.weight", "a.weight"))
    found["tensors"]["b.weight"] = 4
    assert "b.weight: not loaded" in failures(found)["checkpoint elements"]
    assert failures(found, unused=("b.weight",)) == {}


def test_a_tied_tensor_needs_no_place_of_its_own() -> None:
    found = trace(
        landing("model.embed_tokens.weight", "language_model.model.embed_tokens.weight"),
        aliases={"language_model.lm_head.weight": "language_model.model.embed_tokens.weight"},
    )
    found["tensors"]["lm_head.weight"] = 4
    assert failures(found) == {}


def test_a_part_that_is_lost_is_found() -> None:
    found = trace(landing("a.weight", "a.weight", elements=3))
    found["tensors"]["a.weight"] = 4
    assert "3 of 4 elements" in failures(found)["checkpoint elements"]


def test_a_tensor_loaded_twice_is_found() -> None:
    found = trace(landing("a.weight", "a.weight"), landing("a.weight", "b.weight"))
    for item in found["landings"]:
        item["distinct"] = 2
    assert "more than once" in failures(found)["checkpoint elements"]


def test_values_that_the_loader_computes_are_counted() -> None:
    found = trace(landing("a.weight", "a.weight"), altered={"mixer.A": 8})
    found["tensors"]["mixer.A_log"] = 8
    assert failures(found) == {}
    found["tensors"]["mixer.D"] = 8
    assert "mixer.D" in failures(found)["checkpoint elements"]


def test_an_unfilled_parameter_is_found() -> None:
    found = trace(landing("a.weight", "a.weight"), unfilled={"b.weight": 7})
    assert failures(found) == {"parameters filled": "b.weight: 7 elements"}


def test_parts_fused_in_another_order_are_found() -> None:
    parts = ("k_proj", "q_proj", "v_proj")
    found = trace(
        *(
            landing(f"attn.{part}.weight", "attn.qkv_proj.weight", first=4 * place)
            for place, part in enumerate(parts)
        )
    )
    assert failures(found) == {"fused order": "attn.qkv_proj.weight: k_proj, q_proj, v_proj"}


def test_exchanged_tensors_are_found() -> None:
    found = trace(
        landing("layers.0.norm1.weight", "tower.layers.0.norm2.weight"),
        landing("layers.0.norm2.weight", "tower.layers.0.norm1.weight"),
    )
    assert "are exchanged" in failures(found)["names"]


def test_renamed_tensors_are_not_taken_for_exchanged() -> None:
    found = trace(
        landing("mlp.w1.weight", "mlp.up.weight"),
        landing("mlp.w2.weight", "mlp.down.weight"),
        landing("layers.0.norm.weight", "blocks.0.norm.weight"),
        landing("layers.1.norm.weight", "blocks.1.norm.weight"),
    )
    assert failures(found) == {}


def test_a_layer_that_was_never_built_counts_against_the_encoder() -> None:
    found = trace(
        landing(
            "vision_tower.layers.0.norm.weight", "vision_tower.vision_model.layers.0.norm.weight"
        )
    )
    found["tensors"]["vision_tower.layers.1.norm.weight"] = 4
    found["tensors"]["vision_tower.layers.1.q_proj.weight"] = 4
    assert failures(found) == {"depth": "vision_tower.layers.1 is not built, and HF uses it"}


def test_a_tensor_missing_from_a_layer_that_exists_is_lost() -> None:
    found = trace(
        landing("vision_tower.layers.0.norm.weight", "vision_tower.layers.0.norm.weight"),
        landing("vision_tower.layers.1.norm.weight", "vision_tower.layers.1.norm.weight"),
        landing("vision_tower.layers.0.norm.bias", "vision_tower.layers.0.norm.bias"),
    )
    found["tensors"]["vision_tower.layers.1.norm.bias"] = 4
    assert set(failures(found)) == {"checkpoint elements"}
