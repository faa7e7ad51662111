from __future__ import annotations

import base64
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mmport.reports.layouts import find_layout
from mmport.reports.pictures import Picture, collect_pictures
from mmport.reports.png import png_bytes
from tests.unit.reports.runs import Side, picture


def read_png(data: bytes) -> Any:
    """Read back what `png_bytes` wrote, each checksum looked at."""
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    chunks, place = {}, 8
    while place < len(data):
        (size,) = struct.unpack_from(">I", data, place)
        name, body = data[place + 4 : place + 8], data[place + 8 : place + 8 + size]
        (checksum,) = struct.unpack_from(">I", data, place + 8 + size)
        assert checksum == zlib.crc32(name + body)
        chunks[name] = body
        place += 12 + size
    width, height, depth, kind = struct.unpack_from(">2I2B", chunks[b"IHDR"])
    channels = {0: 1, 2: 3, 6: 4}[kind]
    assert depth == 8
    assert list(chunks) == [b"IHDR", b"IDAT", b"IEND"]
    rows = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(height, -1)
    assert not rows[:, 0].any()
    return rows[:, 1:].reshape(height, width, channels)


def of_address(address: str) -> Any:
    return read_png(base64.b64decode(address.removeprefix("data:image/png;base64,")))


SHAPES = st.tuples(st.integers(1, 9), st.integers(1, 9), st.sampled_from([1, 3, 4]))


@given(SHAPES.flatmap(lambda shape: arrays(np.uint8, shape)))
def test_a_png_holds_the_pixels_it_was_made_of(pixels: Any) -> None:
    assert np.array_equal(read_png(png_bytes(pixels)), pixels)


def cut(image: Any, side: int, *, merge: int, frames: int, last: bool) -> Any:
    """Cut (3, height, width) into flat patches, as the processors of Qwen and others do."""
    _, height, width = image.shape
    rows, columns = height // side, width // side
    tiles = image.reshape(3, rows // merge, merge, side, columns // merge, merge, side)
    tiles = tiles.transpose(1, 4, 2, 5, 0, 3, 6).reshape(rows * columns, 3, 1, side, side)
    tiles = np.repeat(tiles, frames, axis=2)
    if last:
        tiles = tiles.transpose(0, 2, 3, 4, 1)
    return tiles.reshape(rows * columns, -1)


@pytest.mark.parametrize("merge", [1, 2])
@pytest.mark.parametrize("frames", [1, 2])
@pytest.mark.parametrize("last", [False, True])
def test_patches_are_put_together_whatever_their_order(merge: int, frames: int, last: bool) -> None:
    image = picture(48, 64)
    flat = cut(image, 8, merge=merge, frames=frames, last=last)
    layout = find_layout(flat, {"image_grid_thw": np.array([[1, 6, 8]])})
    assert layout is not None
    assert np.array_equal(layout.arrange(flat), image.transpose(1, 2, 0))
    assert layout.told == "8x6 patches of 8x8 pixels, the first item"


def test_patches_that_are_kept_as_small_pictures_are_put_together() -> None:
    image = picture(24, 32)
    tiles = cut(image, 8, merge=1, frames=1, last=False).reshape(12, 3, 8, 8)
    layout = find_layout(tiles, {"grid_hws": np.array([[3, 4]])})
    assert layout is not None
    assert np.array_equal(layout.arrange(tiles), image.transpose(1, 2, 0))


def test_padded_patches_show_the_first_item() -> None:
    image = picture(16, 32)
    flat = np.zeros((2, 10, 3 * 64), np.float32)
    flat[0, :8] = cut(image, 8, merge=1, frames=1, last=True)
    layout = find_layout(flat, {"spatial_shapes": np.array([[2, 4], [3, 3]])})
    assert layout is not None
    assert np.array_equal(layout.arrange(flat), image.transpose(1, 2, 0))


def test_patches_without_a_grid_stand_in_the_order_of_the_tensor() -> None:
    flat = cut(picture(16, 24), 8, merge=1, frames=1, last=False)
    layout = find_layout(flat, {"pixel_position_ids": np.array([[2, 3]])})
    assert layout is not None
    assert "no grid is told" in layout.told
    assert layout.arrange(flat).shape == (2 * 8 + 1, 3 * 8 + 2, 3)


@pytest.mark.parametrize(
    ("shape", "told"),
    [
        ((1, 3, 24, 48), "48x24 pixels"),
        ((1, 24, 48, 3), "48x24 pixels"),
        ((1, 5, 3, 16, 16), "5 of 16x16 pixels"),
        ((40, 3, 16, 16), "40 of 16x16 pixels, the first 24 of them shown"),
        ((1, 80, 120), "120x80 pixels"),
        ((2, 80, 120), "2 of 80x120 values"),
    ],
)
def test_tiles_and_recordings_are_laid_out(shape: tuple[int, ...], told: str) -> None:
    values = np.random.RandomState(0).normal(size=shape).astype(np.float32)
    layout = find_layout(values, {})
    assert layout is not None
    assert layout.told == told
    shown = layout.arrange(values)
    assert shown.ndim == 3
    assert set(shown[np.isfinite(shown)].tolist()) <= set(values.ravel().tolist())


def test_the_tiles_of_an_item_stand_in_its_row() -> None:
    values = np.zeros((2, 5, 3, 16, 16), np.float32)
    layout = find_layout(values, {})
    assert layout is not None
    assert layout.arrange(values).shape == (2 * 16 + 1, 5 * 16 + 4, 3)


def test_a_flat_row_is_no_picture() -> None:
    assert find_layout(np.zeros(3000, np.float32), {}) is None
    assert find_layout(np.zeros((5, 2), np.float32), {}) is None


def collect(folder: Path, ours: dict[str, Any], theirs: dict[str, Any], *failing: str) -> Any:
    hf, vllm = Side(folder / "hf"), Side(folder / "vllm")
    hf.processor(ours)
    vllm.processor(theirs)
    return collect_pictures(hf.folder, vllm.folder, failing)


def test_both_sides_are_drawn_in_one_range_and_the_difference_amplified(tmp_path: Path) -> None:
    ours = np.zeros((1, 3, 8, 8), np.float32)
    ours[..., 0, 0] = 1.0
    theirs = ours.copy()
    theirs[..., 4, 4] = 0.25
    (one,) = collect(tmp_path, {"8x8/pixel_values": ours}, {"8x8/pixel_values": theirs[0]})
    assert (one.case, one.tensor) == ("8x8", "pixel_values")
    assert one.largest == 0.25
    assert one.factor == 4.0
    assert of_address(one.hf)[0, 0].tolist() == [255, 255, 255]
    assert of_address(one.vllm)[4, 4].tolist() == [64, 64, 64]
    difference = of_address(one.difference)
    assert difference[4, 4].tolist() == [255, 255, 255]
    assert difference.sum() == 3 * 255


def test_equal_pictures_have_no_difference(tmp_path: Path) -> None:
    pixels = {"8x8/pixel_values": picture(8, 8)[None]}
    (one,) = collect(tmp_path, pixels, pixels)
    assert (one.vllm, one.difference, one.factor, one.largest) == ("", "", None, 0.0)


def test_other_sizes_are_shown_and_not_compared(tmp_path: Path) -> None:
    (one,) = collect(
        tmp_path,
        {"8x8/pixel_values": picture(8, 8)[None]},
        {"8x8/pixel_values": picture(8, 12)[None]},
    )
    assert of_address(one.hf).shape == (8, 8, 3)
    assert of_address(one.vllm).shape == (8, 12, 3)
    assert one.largest is None
    assert "another size" in one.note


def test_what_is_no_number_is_counted(tmp_path: Path) -> None:
    broken = picture(8, 8)[None]
    broken[0, 0, 0, 0] = np.nan
    (one,) = collect(
        tmp_path, {"8x8/pixel_values": picture(8, 8)[None]}, {"8x8/pixel_values": broken}
    )
    assert "1 values are not finite" in one.note


def test_gaps_between_tiles_let_the_page_through(tmp_path: Path) -> None:
    tiles = {"wide/pixel_values": np.stack([picture(16, 16)] * 3)[None]}
    (one,) = collect(tmp_path, tiles, tiles)
    shown = of_address(one.hf)
    assert shown.shape == (16, 50, 4)
    assert not shown[:, 16, 3].any()
    assert shown[:, :16, 3].all()


def test_a_large_picture_is_thinned_out(tmp_path: Path) -> None:
    large = {"big/pixel_values": picture(100, 2100)[None]}
    (one,) = collect(tmp_path, large, large)
    assert of_address(one.hf).shape == (25, 525, 3)


def test_no_single_pixel_is_lost_where_the_difference_is_thinned_out(tmp_path: Path) -> None:
    ours = picture(100, 2101)[None]
    theirs = ours.copy()
    theirs[0, 1, 97, 2099] += 0.5
    (one,) = collect(tmp_path, {"big/pixel_values": ours}, {"big/pixel_values": theirs})
    difference = of_address(one.difference)
    assert difference.shape == of_address(one.vllm).shape == (25, 526, 3)
    assert difference[24, 524].tolist() == [0, 255, 0]
    assert difference.sum() == 255


def test_cases_that_failed_come_first_and_only_a_few_are_shown(tmp_path: Path) -> None:
    pixels = {f"{name}/pixel_values": picture(8, 8)[None] for name in "abcdef"}
    shown: tuple[Picture, ...] = collect(tmp_path, pixels, pixels, "f", "e")
    assert [one.case for one in shown] == ["e", "f", "a"]


def test_an_engine_that_stopped_before_has_no_pictures(tmp_path: Path) -> None:
    hf = Side(tmp_path / "hf")
    hf.processor({"8x8/pixel_values": picture(8, 8)[None]})
    assert collect_pictures(hf.folder, tmp_path / "vllm") == ()
