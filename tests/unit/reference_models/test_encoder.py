"""Image sizes, layers that are named, and widths of other parts."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmport.reference_models.encoder import Surroundings, shrink, small_image
from mmport.reference_models.resolve import Part

AROUND = Surroundings({"text": (4096, 128), "vision": (1024, 64)}, -1)


def part(**values: Any) -> Part:
    return Part("vision_config", "some_vision", values, {})


def small(**values: Any) -> dict[str, Any]:
    return shrink(dict(values), part(**values), AROUND)[0]


@given(st.integers(1, 64), st.integers(1, 64), st.integers(0, 63))
def test_the_grid_divides_as_it_did(patch: int, grid: int, left_over: int) -> None:
    image = small_image(patch * grid + left_over % patch, patch)
    assert image % patch == left_over % patch
    for divisor in (2, 4):
        assert (image // patch % divisor == 0) == (grid % divisor == 0)


@pytest.mark.parametrize(
    ("image", "patch", "side"), [(336, 14, 112), (384, 14, 76), (224, 32, 160)]
)
def test_known_encoders(image: int, patch: int, side: int) -> None:
    assert small_image(image, patch) == side


@given(st.integers(1, 2000), st.integers(1, 64))
def test_twice_is_once(image: int, patch: int) -> None:
    if image >= patch:
        once = small_image(image, patch)
        assert small_image(once, patch) == once


def test_layers_that_are_named_stay_and_move() -> None:
    found = small(depth=27, deepstack_visual_indexes=[8, 16, 24], layer_types=["a"] * 27)
    indices = found["deepstack_visual_indexes"]
    assert indices == sorted(set(indices))
    assert max(indices) < found["depth"] <= 8
    assert found["layer_types"] == ["a"] * found["depth"]


def test_widths_of_other_parts_are_followed() -> None:
    found = small(out_hidden_size=4096, encoder_hidden_size=1024)
    assert found == {"out_hidden_size": 128, "encoder_hidden_size": 64}


def test_switches_and_unknown_keys_are_kept() -> None:
    kept = {"use_bias": True, "spatial_merge_size": 2, "something": "new", "dropout": 0.1}
    assert small(**kept) == kept
