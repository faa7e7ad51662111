from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mmport.workers.shrinking import shrink, sizes_of, with_sizes

TYPICAL: dict[str, Any] = {"kind": "image", "width": 224, "height": 168, "seed": 1}


def image(width: int, height: int) -> dict[str, Any]:
    return {"kind": "image", "width": width, "height": height, "seed": 7}


@given(st.integers(225, 4000), st.integers(1, 4000), st.integers(225, 4000))
def test_the_edge_of_what_fails_is_found(width: int, height: int, edge: int) -> None:
    width = max(width, edge)
    found = shrink(image(width, height), TYPICAL, lambda item: item["width"] >= edge)
    assert (found["width"], found["height"]) == (edge, TYPICAL["height"])


@given(st.integers(1, 4000), st.integers(1, 4000), st.integers(1, 60), st.integers(0, 2**32))
def test_what_is_found_fails_and_the_tries_are_counted(
    width: int, height: int, most: int, salt: int
) -> None:
    asked: list[dict[str, Any]] = []
    failing = image(width, height)

    def fails(item: dict[str, Any]) -> bool:
        asked.append(item)
        return hash((item["width"], item["height"], salt)) % 3 == 0

    found = shrink(failing, TYPICAL, fails, most)
    assert found == failing or found in asked
    assert found == failing or fails(found)
    assert len(asked) <= most + 1


def test_what_a_typical_item_does_as_well_comes_to_the_typical_item() -> None:
    found = shrink(image(5, 4000), TYPICAL, lambda _: True)
    assert sizes_of(found) == sizes_of(TYPICAL)
    assert found["seed"] == 7


def test_two_sizes_that_matter_together_both_come_nearer() -> None:
    found = shrink(image(3000, 3000), TYPICAL, lambda item: item["width"] * item["height"] > 10**6)
    assert found["width"] * found["height"] > 10**6
    fewer = (found["width"] - 1) * found["height"], found["width"] * (found["height"] - 1)
    assert min(fewer) <= 10**6


def test_clips_and_recordings_shrink_too() -> None:
    clip = {"kind": "video", "width": 64, "height": 48, "frames": 31, "seed": 0}
    found = shrink(clip, {**clip, "frames": 4}, lambda item: item["frames"] > 9)
    assert found["frames"] == 10
    sound = {"kind": "audio", "seconds": 3.0, "rate": 1000, "seed": 0}
    found = shrink(sound, {**sound, "seconds": 1.0}, lambda item: item["seconds"] >= 2.5)
    assert with_sizes(sound, sizes_of(found)) == {**sound, "seconds": 2.5}
