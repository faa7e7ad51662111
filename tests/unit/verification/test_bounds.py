from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmport.core.jsonable import to_json
from mmport.model.evidence import Stage
from mmport.verification import bounds
from mmport.verification.bounds import EPS, Bound, Floors, make_bounds
from mmport.verification.judging import Judge

FLOORS = st.floats(0.0, 1e3) | st.none()


def test_a_bound_is_a_multiple_of_the_floor() -> None:
    made = make_bounds("float32", Floors(logprobs=1e-3, features=2e-3, scale=10.0))
    assert made.logprobs == pytest.approx(bounds.FLOOR_MULTIPLE * 1e-3)
    assert made.features == pytest.approx(bounds.FLOOR_MULTIPLE * 2e-3)
    assert (made.logprobs.floor, made.features.floor) == (1e-3, 2e-3)


def test_a_floor_of_zero_leaves_eps_times_the_scale() -> None:
    made = make_bounds("float32", Floors(logprobs=0.0, features=0.0, scale=10.0))
    assert made.logprobs == pytest.approx(bounds.EPS_MULTIPLE * EPS["float32"] * 10.0)
    assert made.logprobs.floor == 0.0


def test_a_module_may_part_by_what_the_processor_may() -> None:
    exact, coarse = make_bounds("float32"), make_bounds("bfloat16")
    assert exact.event(0.0) == exact.pixels
    assert coarse.event(0.0) == bounds.EVENT_EPS_MULTIPLE * EPS["bfloat16"]
    assert exact.event(1e-3) == bounds.EVENT_MULTIPLE * 1e-3


@pytest.mark.parametrize("dtype", EPS)
def test_without_a_floor_the_bounds_are_wider_and_say_so(dtype: str) -> None:
    alone, measured = make_bounds(dtype), make_bounds(dtype, Floors(0.0, 0.0))
    for one, other in (
        (alone.logprobs, measured.logprobs),
        (alone.features, measured.features),
        (alone.event(None), measured.event(0.0)),
    ):
        assert one > other
        assert one.floor is None


@given(one=FLOORS, other=FLOORS, dtype=st.sampled_from(sorted(EPS)))
def test_a_larger_floor_never_makes_a_smaller_bound(
    one: float | None, other: float | None, dtype: str
) -> None:
    made = make_bounds(dtype)
    if one is not None and other is not None and one <= other:
        assert made.event(one) <= made.event(other)
    assert made.event(one) > 0


def test_processors_compute_in_float32_and_are_rounded_once() -> None:
    exact = make_bounds("float32").pixels
    assert exact == bounds.PIXEL_MULTIPLE * EPS["float32"]
    assert make_bounds("bfloat16").pixels == pytest.approx(exact + EPS["bfloat16"] / 2)


def test_a_prompts_spread_is_held_to_its_own_noise() -> None:
    made = make_bounds("bfloat16", Floors(spreads={"image/0": 0.5}, scale=1.0))
    assert made.spread("image/0") == bounds.SPREAD_MULTIPLE * 0.5
    assert made.spread("text/0").floor is None


def test_a_measurement_shows_the_floor_of_its_bound_and_is_jsonable() -> None:
    judge = Judge(Stage.LOGITS, "image")
    found = judge.within("prompt 0", 0.1, Bound(0.2, floor=0.05))
    assert (found.floor, found.bound) == (0.05, 0.2)
    assert '"bound": 0.2' in to_json(found)
    assert judge.within("prompt 0", 0.1, 0.2).floor is None
