from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmport.vllm_api.eras import ERAS, era_of, parse_release

NUMBERS = st.integers(0, 60)


def test_eras_follow_one_another() -> None:
    legacy, modern = [f"L{number}" for number in range(1, 12)], [f"E{n}" for n in range(1, 10)]
    assert [era.name for era in ERAS] == legacy + modern
    assert all(era.first <= era.last for era in ERAS)
    assert all(before.last < after.first for before, after in pairwise(ERAS))


@pytest.mark.parametrize(
    ("release", "era"),
    [
        ((0, 5, 1), "L1"),
        ((0, 5, 4), "L2"),
        ((0, 5, 5), "L3"),
        ((0, 6, 0), "L4"),
        ((0, 6, 1), "L5"),
        ((0, 6, 2), "L6"),
        ((0, 6, 3), "L7"),
        ((0, 6, 4), "L8"),
        ((0, 6, 5), "L9"),
        ((0, 7, 3), "L9"),
        ((0, 8, 2), "L10"),
        ((0, 8, 4), "L11"),
        ((0, 8, 5), "E1"),
        ((0, 9, 1), "E1"),
        ((0, 9, 2), "E2"),
        ((0, 11, 0), "E3"),
        ((0, 11, 1), "E4"),
        ((0, 14, 1), "E5"),
        ((0, 18, 1), "E6"),
        ((0, 28, 0), "E7"),
        ((0, 30, 0), "E8"),
        ((0, 31, 0), "E9"),
        ((0, 33, 2), "E9"),
    ],
)
def test_the_borders(release: tuple[int, int, int], era: str) -> None:
    found = era_of(release)
    assert found is not None
    assert found.name == era


@pytest.mark.parametrize("release", [(0, 5, 0), (0, 34, 0), (1, 0, 0)])
def test_outside_there_is_no_era(release: tuple[int, int, int]) -> None:
    assert era_of(release) is None


@given(NUMBERS, NUMBERS, NUMBERS, st.sampled_from(["", "v"]), st.sampled_from(["", "+cpu"]))
def test_releases_are_read(major: int, minor: int, patch: int, before: str, after: str) -> None:
    assert parse_release(f"{before}{major}.{minor}.{patch}{after}") == (major, minor, patch)
    assert parse_release(f"{before}{major}.{minor}{after}") == (major, minor, 0)


@pytest.mark.parametrize("text", ["", "latest", "0", "0.32.0.1.2", "0.32x", "-1.0", "0.32.0; rm"])
def test_what_is_no_release(text: str) -> None:
    assert parse_release(text) is None
