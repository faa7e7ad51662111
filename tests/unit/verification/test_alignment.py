"""Modules are paired by the weights that they hold."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mmport.verification.alignment import align


def _whole(name: str, tensor: str, rows: int) -> dict[str, list[tuple[int, str, int, int]]]:
    return {name: [(0, tensor, 0, rows)]}


def test_two_names_for_one_tensor_are_one_module() -> None:
    (pair,) = align(_whole("model.tower.fc.weight", "t", 4), _whole("vision.fc.weight", "t", 4))

    assert (pair.hf, pair.vllm) == ("model.tower.fc", "vision.fc")
    assert pair.hf_rows == pair.vllm_rows == (0, 1, 2, 3)
    assert pair.alone


def test_a_fused_projection_is_paired_with_each_of_its_parts() -> None:
    hf = _whole("a.q_proj.weight", "q", 2) | _whole("a.k_proj.weight", "k", 2)
    vllm = {"a.qkv_proj.weight": [(0, "q", 0, 2), (2, "k", 0, 2)]}

    first, second = align(hf, vllm)

    assert (first.hf, first.hf_rows, first.vllm_rows) == ("a.q_proj", (0, 1), (0, 1))
    assert (second.hf, second.hf_rows, second.vllm_rows) == ("a.k_proj", (0, 1), (2, 3))
    assert not first.alone
    assert not second.alone


def test_a_split_projection_is_paired_with_each_of_its_parts() -> None:
    hf = _whole("a.qkv.weight", "qkv", 4)
    vllm = {"a.q.weight": [(0, "qkv", 0, 2)], "a.k.weight": [(0, "qkv", 2, 2)]}

    pairs = {pair.vllm: pair for pair in align(hf, vllm)}

    assert pairs["a.q"].hf_rows == (0, 1)
    assert pairs["a.k"].hf_rows == (2, 3)


def test_tied_weights_are_paired_by_their_names() -> None:
    hf = _whole("model.embed_tokens.weight", "e", 8) | _whole("lm_head.weight", "e", 8)
    vllm = _whole("language_model.model.embed_tokens.weight", "e", 8)

    (pair,) = align(hf, vllm)

    assert pair.hf == "model.embed_tokens"


def test_ties_on_both_sides_are_not_crossed() -> None:
    hf = _whole("model.embed_tokens.weight", "e", 8) | _whole("lm_head.weight", "e", 8)
    vllm = _whole("x.lm_head.weight", "e", 8) | _whole("x.embed_tokens.weight", "e", 8)

    assert {(pair.hf, pair.vllm) for pair in align(hf, vllm)} == {
        ("model.embed_tokens", "x.embed_tokens"),
        ("lm_head", "x.lm_head"),
    }


@given(st.permutations(list(range(6))))
def test_rows_in_any_order_are_found(order: list[int]) -> None:
    vllm = {"b.weight": [(row, "t", source, 1) for row, source in enumerate(order)]}

    (pair,) = align(_whole("a.weight", "t", 6), vllm)

    assert dict(zip(pair.vllm_rows, pair.hf_rows, strict=True)) == dict(enumerate(order))
