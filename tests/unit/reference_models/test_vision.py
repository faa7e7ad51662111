"""Image and patch sizes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmport.reference_models.facts import sizes
from mmport.reference_models.vision import small_image

PATCH, GRID = sizes().vision.patch_size, sizes().vision.grid


@given(st.integers(1, 64), st.integers(1, 40), st.integers(0, 63))
def test_divides_if_and_only_if_it_did(patch: int, grid: int, left_over: int) -> None:
    image = small_image(patch * grid + left_over % patch, patch)
    assert (image % PATCH == 0) == (left_over % patch == 0)
    assert image // PATCH == GRID


@pytest.mark.parametrize(("image", "patch", "small"), [(336, 14, 40), (384, 14, 43), (224, 16, 40)])
def test_known_encoders(image: int, patch: int, small: int) -> None:
    assert small_image(image, patch) == small


@given(st.integers(1, 2000), st.integers(1, 64))
def test_twice_is_once(image: int, patch: int) -> None:
    once = small_image(image, patch)
    assert small_image(once, PATCH) == once
