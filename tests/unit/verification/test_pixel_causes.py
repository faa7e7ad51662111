from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pytest

from mmport.verification.pixel_causes import cause

if TYPE_CHECKING:
    from mmport.verification.judging import Array

TILES: Array = np.random.RandomState(0).normal(size=(1, 4, 3, 8, 8)).astype(np.float32)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda tiles: tiles[:, [1, 0, 2, 3]], "the 4 parts of axis 1 are in another order"),
        (lambda tiles: tiles[:, :, ::-1], "the channels are in the opposite order"),
        (lambda tiles: tiles * 2 + 0.5, "normalised otherwise: 2 times HF's and +0.5"),
        (
            lambda tiles: tiles * np.array([1, 2, 3], np.float32)[:, None, None],
            "the same picture of each channel, normalised otherwise",
        ),
        (lambda tiles: np.roll(tiles, 1, axis=-1), ""),
        (lambda tiles: tiles + np.abs(tiles), ""),
    ],
)
def test_a_simple_cause_is_named_and_no_other(change: Callable[[Array], Array], told: str) -> None:
    found = cause(TILES, change(TILES))
    assert told in found
    assert bool(found) is bool(told)


def test_another_shape_or_nothing_has_no_cause() -> None:
    assert not cause(TILES, TILES[:, :2])
    assert not cause(TILES[:, :0], TILES[:, :0])
