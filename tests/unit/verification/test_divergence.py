"""The first fault is a node or an edge, and no difference that does not last."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmport.model.evidence import Outcome, Stage
from mmport.verification.activations import MERGED, Comparison, Event, Status, compare_rows
from mmport.verification.divergence import (
    divergence_of,
    first_fault,
    forms,
    measurements,
    without,
)

_MODULES = {
    f"m.layers.{i}.{n}": {"kind": "Linear", "source": "x/y.py:1-9"} for i in range(3) for n in "ab"
}


def _event(module: str, kind: str, status: Status, stage: Stage = Stage.ENCODER) -> Event:
    return Event(
        stage=stage,
        hf=module,
        vllm=f"v.{module}",
        kind="input" if kind == "input" else "output",
        compared=Comparison(status, 0.5 if status is Status.DIFFERS else 0.0, 1e-7, 1e-5),
        hf_shape=(1, 4, 8),
        vllm_shape=(4, 8),
        hf_caller="hf/model.py:10",
        vllm_caller="vllm/model.py:20",
    )


def _stack(*statuses: Status) -> list[Event]:
    """Input and output of `a`, then of `b`, in one layer after the other."""
    names = [
        (f"m.layers.{i}.{n}", kind) for i in range(3) for n in "ab" for kind in ("input", "output")
    ]
    return [
        _event(name, kind, status) for (name, kind), status in zip(names, statuses, strict=False)
    ]


_OK, _BAD, _ORDER = Status.AGREES, Status.DIFFERS, Status.REORDERED


def test_equal_inputs_and_unequal_output_are_a_node() -> None:
    found = divergence_of(_stack(_OK, _OK, _OK, _BAD, _BAD, _BAD), "image", _MODULES, {})

    assert found is not None
    assert (found.kind, found.hf.module, found.vllm.module) == (
        "node",
        "m.layers.0.b",
        "v.m.layers.0.b",
    )
    assert found.hf.source == "x/y.py:1-9"
    assert (found.hf.shape, found.vllm.shape) == ((1, 4, 8), (4, 8))


def test_an_equal_output_and_the_next_unequal_input_are_an_edge() -> None:
    found = divergence_of(_stack(_OK, _OK, _BAD, _BAD), "image", _MODULES, {})

    assert found is not None
    assert found.after_hf is not None
    assert found.after_vllm is not None
    assert (found.kind, found.hf.module, found.after_hf.module) == (
        "edge",
        "m.layers.0.b",
        "m.layers.0.a",
    )
    assert (found.hf.source, found.after_vllm.source) == ("hf/model.py:10", "vllm/model.py:20")


def test_a_difference_that_the_next_layer_does_not_show_is_a_form() -> None:
    events = _stack(_OK, _BAD, _OK, _OK, _OK, _OK)

    assert first_fault(events) is None
    assert all(one.outcome is Outcome.PASSED for one in measurements(events, "image"))


def test_the_last_layer_is_excused_by_the_norm_after_it() -> None:
    last = [_event("m.layers.2.router", "output", _BAD), _event("m.norm", "input", _OK)]

    assert first_fault(last) is None


def test_layers_side_by_side_do_not_excuse_each_other() -> None:
    events = [
        _event("m.layers.0.a", "output", _OK),
        _event("m.merger.0.up", "output", _BAD),
        _event("m.layers.1.a", "output", _OK),
        _event("m.merger.1.up", "output", _OK),
    ]

    assert first_fault(events) == 1


def test_embeddings_that_are_scaled_later_are_excused_by_the_merged_ones() -> None:
    table = _event("m.embed", "output", _BAD, Stage.MERGE)
    merged = replace(_event("m", "input", _OK, Stage.MERGE), subject=MERGED)

    assert first_fault([table, merged]) is None
    lasting = replace(merged, compared=replace(merged.compared, status=_BAD))
    assert first_fault([table, lasting]) == 0


def test_a_form_that_one_scenario_shows_is_no_fault_in_another() -> None:
    table = _event("m.table", "output", _BAD, Stage.DECODER)
    late = _event("m.layers.0.a", "output", _BAD, Stage.DECODER)
    right = [table, replace(late, compared=replace(late.compared, status=_OK))]

    assert first_fault(right) is None
    known = forms(right)
    assert known == {("m.table", "output")}
    assert first_fault([table, late]) == 0
    assert first_fault(without([table, late], known)) == 1


def test_another_tower_is_no_excuse() -> None:
    events = [
        _event("m.one.layers.0.a", "output", _BAD),
        _event("m.two.patch_embed", "input", _OK),
    ]

    assert first_fault(events) == 0


def test_a_fault_after_a_mere_form_is_found() -> None:
    assert first_fault(_stack(_OK, _BAD, _OK, _OK, _OK, _OK, _OK, _BAD, _BAD, _BAD)) == 7


def test_an_order_that_lasts_is_the_fault_where_it_began() -> None:
    assert first_fault(_stack(_OK, _OK, _ORDER, _ORDER, _BAD, _BAD)) == 2


def test_an_order_that_is_undone_is_none() -> None:
    assert first_fault(_stack(_OK, _ORDER, _ORDER, _ORDER, _OK, _OK)) is None


def test_an_order_at_the_end_is_one() -> None:
    assert first_fault(_stack(_OK, _OK, _OK, _ORDER)) == 3


def test_into_the_language_model_is_the_merge() -> None:
    events = [
        _event("connector", "output", _OK),
        _event("model.layers.0.norm", "input", _BAD, Stage.DECODER),
    ]

    found = divergence_of(events, "image", {}, {})

    assert found is not None
    assert (found.kind, found.stage) == ("edge", Stage.MERGE)


def test_a_layer_that_could_not_be_compared_is_not_run() -> None:
    (measured,) = measurements(_stack(Status.UNKNOWN), "image")

    assert measured.outcome is Outcome.NOT_RUN


def _bound(floor: float | None) -> float:
    return 1e-5


def test_rows_of_other_values_differ_and_say_where() -> None:
    expected = np.arange(12.0).reshape(4, 3)
    found = expected.copy()
    found[2, 1] += 1

    compared = compare_rows(expected, found, None, _bound)

    assert compared.status is Status.DIFFERS
    assert compared.detail.startswith("1 of 4 rows, most at [2, 1]")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_no_number_where_hf_has_one_differs(value: float) -> None:
    expected = np.ones((2, 2))
    found = expected.copy()
    found[1, 0] = value

    assert compare_rows(expected, found, None, _bound).status is Status.DIFFERS


@given(st.permutations(list(range(5))))
def test_rows_in_another_order_are_told_from_other_rows(order: list[int]) -> None:
    expected = np.random.default_rng(0).normal(size=(5, 4))

    status = compare_rows(expected, expected[order], None, _bound).status

    assert status is (_OK if order == sorted(order) else _ORDER)
