from __future__ import annotations

from typing import Any

from mmport.model.evidence import Measurement, Outcome
from mmport.verification.weights import judge_weights

TOWER = "vision_tower"


def landing(tensor: str, parameter: str, elements: int = 4, first: int = 0) -> dict[str, Any]:
    return {
        "tensor": tensor,
        "parameter": parameter,
        "elements": elements,
        "first": first,
        "last": first + elements - 1,
    }


def blank(elements: int, first: int = 0) -> dict[str, int]:
    return {"elements": elements, "first": first}


def trace(*landings: dict[str, Any], **changes: Any) -> dict[str, Any]:
    sizes = {item["tensor"]: item["elements"] for item in landings}
    right = {
        "tensors": dict(sizes),
        "landings": list(landings),
        "landed": {name: {"elements": size, "distinct": size} for name, size in sizes.items()},
        "rearranged": [],
        "unfilled": {},
        "padding": {},
        "altered": {},
        "aliases": {},
        "packed": {"qkv_proj": ["q_proj", "k_proj", "v_proj"]},
        "elements": True,
    }
    return right | changes


def judged(
    found: dict[str, Any],
    unused: tuple[str, ...] = (),
    tied: tuple[str, ...] = (),
    sources: dict[str, Any] | None = None,
) -> dict[str, Measurement]:
    reference = {"unused": list(unused), "tied": list(tied), "sources": sources or {}}
    return {item.subject: item for item in judge_weights(found, reference, TOWER)}


def failures(
    found: dict[str, Any], unused: tuple[str, ...] = (), tied: tuple[str, ...] = ()
) -> dict[str, str]:
    return {
        subject: measurement.detail
        for subject, measurement in judged(found, unused, tied).items()
        if measurement.outcome is Outcome.FAILED
    }


def test_every_element_once_is_right() -> None:
    assert failures(trace(landing("a.weight", "x.a.weight"), landing("b.bias", "x.b.bias"))) == {}


def test_a_tensor_that_hf_uses_must_be_loaded() -> None:
    found = trace(landing("a.weight", "a.weight"))
    found["tensors"]["b.weight"] = 4
    assert "b.weight: not loaded" in failures(found)["checkpoint elements"]
    assert failures(found, unused=("b.weight",)) == {}


def test_a_tied_tensor_needs_no_place_of_its_own_if_hf_ties_it_too() -> None:
    found = trace(
        landing("model.embed_tokens.weight", "language_model.model.embed_tokens.weight"),
        aliases={"language_model.lm_head.weight": "language_model.model.embed_tokens.weight"},
    )
    found["tensors"]["lm_head.weight"] = 4
    assert failures(found, tied=("lm_head.weight",)) == {}
    assert "lm_head.weight" in failures(found)["checkpoint elements"]


def test_a_part_that_is_lost_is_found() -> None:
    found = trace(landing("a.weight", "a.weight", elements=3))
    found["tensors"]["a.weight"] = 4
    assert "3 of 4 elements" in failures(found)["checkpoint elements"]


def test_one_half_loaded_twice_does_not_make_a_whole() -> None:
    found = trace(landing("qk.weight", "q.weight", 2), landing("qk.weight", "k.weight", 2))
    found["tensors"]["qk.weight"] = 4
    found["landed"]["qk.weight"] = {"elements": 4, "distinct": 2}
    assert "2 of 4 elements" in failures(found)["checkpoint elements"]


def test_a_tensor_loaded_twice_is_found() -> None:
    found = trace(landing("a.weight", "a.weight"), landing("a.weight", "b.weight"))
    found["landed"]["a.weight"] = {"elements": 8, "distinct": 4}
    assert "more than once" in failures(found)["checkpoint elements"]


def test_values_that_the_loader_computes_belong_to_their_tensor() -> None:
    found = trace(
        landing("layers.0.mixer.B", "layers.0.mixer.B"),
        altered={"model.layers.0.mixer.A": blank(8)},
    )
    found["tensors"]["model.layers.0.mixer.A_log"] = 8
    assert failures(found) == {}
    found["tensors"]["model.layers.1.mixer.A_log"] = 8
    assert "layers.1.mixer.A_log" in failures(found)["checkpoint elements"]


def test_values_of_no_tensor_are_found() -> None:
    found = trace(landing("a.weight", "a.weight"), altered={"b.weight": blank(4)})
    assert "b.weight: 4 elements hold what no tensor has" in failures(found)["parameters filled"]


def test_an_unfilled_parameter_is_found() -> None:
    found = trace(landing("a.weight", "a.weight"), unfilled={"b.weight": blank(7)})
    assert failures(found) == {"parameters filled": "b.weight: 7 elements"}


def test_a_vocabulary_may_be_padded_at_its_end_and_nothing_else() -> None:
    found = trace(
        landing("embed.weight", "embed.weight"), padding={"embed.weight": blank(4, first=4)}
    )
    assert failures(found) == {}
    found["padding"] = {"embed.weight": blank(1, first=2)}
    assert "left at zero" in failures(found)["parameters filled"]
    found["padding"] = {"other.weight": blank(4)}
    assert "other.weight" in failures(found)["parameters filled"]


def test_what_the_trace_could_not_see_is_said() -> None:
    large = trace(landing("a.weight", "a.weight"), elements=False, rearranged=["a.weight"])
    note = judged(large)["checkpoint elements"].detail
    assert "not told apart" in note
    assert "rearranged on load: a.weight" in note


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


def test_what_hf_exchanges_by_name_is_not_exchanged() -> None:
    """transformers may call the second norm of a checkpoint its first, and the third its second."""
    found = trace(
        landing("layers.0.norm0.weight", "tower.layers.0.norm1.weight"),
        landing("layers.0.norm1.weight", "tower.layers.0.norm2.weight"),
    )
    assert "are exchanged" in failures(found)["names"]
    sources = {
        "layers.0.norm1.weight": [(0, "layers.0.norm0.weight", 0, 4)],
        "layers.0.norm2.weight": [(0, "layers.0.norm1.weight", 0, 4)],
    }
    assert judged(found, sources=sources)["names"].outcome is Outcome.PASSED


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


def test_zeros_where_a_part_has_no_bias_are_right() -> None:
    fused = {"qkv_proj.weight": [(0, "q_proj.weight", 0, 2), (2, "k_proj.weight", 0, 2)]}
    found = trace(
        landing("q_proj.bias", "qkv_proj.bias", elements=2),
        landing("v_proj.bias", "qkv_proj.bias", elements=2, first=4),
        padding={"qkv_proj.bias": blank(2, first=2)},
        sources=fused,
    )
    assert failures(found) == {}

    found["tensors"]["k_proj.bias"] = 2
    found["landed"]["k_proj.bias"] = {"elements": 2, "distinct": 2}
    assert set(failures(found)) == {"parameters filled"}
