from __future__ import annotations

import random
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmport.workers.sizes import MOST_PIXELS, describe, draw_items, grid_of, image_sizes

sides = st.integers(1, 4096)
grids = st.lists(st.integers(4, 1024), max_size=8, unique=True).map(sorted)
seeds = st.integers(0, 2**32)
PHOTO = {"kind": "image", "width": 224, "height": 168}


@given(sides, sides, grids, seeds)
def test_every_size_that_is_drawn_can_be_made(
    width: int, height: int, grid: list[int], seed: int
) -> None:
    sizes = list(image_sizes((width, height), grid, random.Random(seed)))
    assert all(across >= 1 and down >= 1 for across, down in sizes)
    assert all(across * down <= max(MOST_PIXELS, across + down) for across, down in sizes)


@given(st.integers(64, 1024), st.integers(64, 1024), grids, seeds)
def test_both_extreme_shapes_and_tiny_sizes_come_up(
    width: int, height: int, grid: list[int], seed: int
) -> None:
    sizes = list(image_sizes((width, height), grid, random.Random(seed)))
    ratios = [across / down for across, down in sizes]
    assert max(ratios) > 3
    assert min(ratios) < 1 / 3
    smallest = min(grid, default=16)
    assert any(across <= smallest and down <= smallest for across, down in sizes)


@pytest.mark.parametrize("kind", ["image", "video", "audio"])
@given(seed=seeds)
def test_the_same_seed_draws_the_same_items(kind: str, seed: int) -> None:
    modality = {**PHOTO, "kind": kind, "frames": 8, "seconds": 2.0, "rate": 16000}
    drawn = draw_items(modality, [14, 28], seed)
    assert drawn == draw_items(modality, [14, 28], seed)
    assert len({describe(item) for item in drawn}) == len(drawn)
    assert len({item["seed"] for item in drawn}) == len(drawn)


def test_another_seed_draws_other_items() -> None:
    assert draw_items(PHOTO, [14], 0) != draw_items(PHOTO, [14], 1)


def test_sizes_lie_on_the_grid_and_beside_it() -> None:
    drawn = [list(image_sizes((224, 168), [56], random.Random(seed))) for seed in range(20)]
    assert {side % 56 for sizes in drawn for size in sizes[10:14] for side in size} == {55, 0, 1}


def test_clips_have_pairs_of_frames() -> None:
    for seed in range(20):
        drawn = draw_items({**PHOTO, "kind": "video", "frames": 8}, [14], seed)
        assert all(item["frames"] % 2 == 0 and 2 <= item["frames"] <= 16 for item in drawn)


def test_recordings_are_whole_samples() -> None:
    for seed in range(20):
        for item in draw_items({"kind": "audio", "seconds": 2.0, "rate": 16000}, [160], seed):
            assert item["seconds"] * item["rate"] == pytest.approx(
                round(item["seconds"] * item["rate"])
            )
            assert item["seconds"] > 0


def test_the_grid_is_what_a_processor_cuts_by() -> None:
    class SizeDict:
        def __init__(self) -> None:
            self.height, self.width, self.max_height = 336, 330, None

    part: Any = SimpleNamespace(
        patch_size=14, merge_size=2, size=SizeDict(), crop_size={"height": 448}, do_resize=True
    )
    processor = SimpleNamespace(image_processor=part, num_tiles=12, tile_size=2, name="tile")
    assert grid_of(processor) == (14, 28, 330, 336, 448)
