from __future__ import annotations

import numpy as np
import pytest

from mmport.model.evidence import Outcome, Stage
from mmport.verification.judging import Judge, shorten

JUDGE = Judge(Stage.LOGITS, "image")


def test_equal_arrays_pass_with_their_figure() -> None:
    found = JUDGE.arrays("prompt", np.ones(3), np.ones(3) + 1e-6, bound=1e-3)
    assert found.outcome is Outcome.PASSED
    assert found.figure == pytest.approx(1e-6, rel=1e-3)
    assert found.bound == 1e-3
    assert found.detail == ""


def test_a_difference_names_its_place() -> None:
    found = JUDGE.arrays("prompt", np.zeros((2, 2)), np.array([[0.0, 0.0], [0.5, 0.0]]), bound=0.1)
    assert found.outcome is Outcome.FAILED
    assert found.detail == "at [1, 0]: 0.5, expected 0"


def test_a_relative_difference_is_over_the_largest_value() -> None:
    found = JUDGE.arrays(
        "tower", np.array([100.0, 1.0]), np.array([101.0, 1.0]), 1.0, relative=True
    )
    assert found.figure == pytest.approx(0.01)


def test_other_shapes_fail() -> None:
    found = JUDGE.arrays("tower", np.zeros((4, 8)), np.zeros((3, 8)), bound=1.0)
    assert found.outcome is Outcome.FAILED
    assert found.detail == "shape [3, 8], expected [4, 8]"


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_fails(value: float) -> None:
    found = JUDGE.arrays("tower", np.zeros(3), np.array([0.0, value, 0.0]), bound=1e9)
    assert found.outcome is Outcome.FAILED
    assert found.figure is None
    assert found.detail.startswith("at [1]: ")


def test_nothing_to_compare_is_equal() -> None:
    assert JUDGE.arrays("prompt", np.zeros(0), np.zeros(0), 0.1).outcome is Outcome.PASSED


def test_sequences_part_at_the_first_other_item() -> None:
    found = JUDGE.sequences("token ids", [1, 2, 3], [1, 5, 3])
    assert (found.outcome, found.detail) == (Outcome.FAILED, "at 1: 5, expected 2")
    found = JUDGE.sequences("token ids", [1, 2, 3], [1, 2])
    assert (found.outcome, found.detail) == (Outcome.FAILED, "2 of them, expected 3")
    assert JUDGE.sequences("token ids", [1], [1]).outcome is Outcome.PASSED


def test_many_problems_are_shortened() -> None:
    assert shorten(["a", "b"]) == "a; b"
    assert shorten(["a", "b", "c", "d", "e"]) == "a; b; c; and 2 more"


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_no_number_on_both_sides_fails_too(value: float) -> None:
    values = np.array([0.0, 1.0, value])
    found = JUDGE.arrays("tower", values, values.copy(), bound=1e9)
    assert found.outcome is Outcome.FAILED
    assert "both sides" in found.detail


def test_an_infinite_figure_is_not_within_an_infinite_bound() -> None:
    assert JUDGE.within("prompt", float("inf"), float("inf")).outcome is Outcome.FAILED
