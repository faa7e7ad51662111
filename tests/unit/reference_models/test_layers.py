"""Which layers stay when a model is made shallow."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmport.reference_models.layers import choose, compress


@st.composite
def features(draw: st.DrawFn) -> tuple[list[int], int]:
    total = draw(st.integers(1, 60))
    layer = st.integers(-total - 1, total)
    return draw(st.lists(layer, min_size=1, max_size=8)), total


class TestCompress:
    @pytest.mark.parametrize(
        ("layers", "total", "expected"),
        [
            ([-2], 24, ([-2], 3)),
            ([-1], 24, ([-1], 2)),
            ([0], 24, ([0], 2)),
            ([24], 24, ([2], 2)),
            ([-7, -2], 24, ([-4, -2], 5)),
            ([-24, -20, -12, -1], 27, ([-7, -5, -3, -1], 8)),
            ([3, -2], 24, ([2, -2], 5)),
            ([-1], 1, ([-1], 1)),
        ],
    )
    def test_cases(self, layers: list[int], total: int, expected: tuple[list[int], int]) -> None:
        assert compress(layers, total) == expected

    @given(features())
    def test_places(self, case: tuple[list[int], int]) -> None:
        layers, total = case
        moved, left = compress(layers, total)
        assert 1 <= left <= total
        before = [layer % (total + 1) for layer in layers]
        after = [layer % (left + 1) for layer in moved]
        for old, new in zip([*before, 0, total], [*after, 0, left], strict=True):
            assert (old == 0) == (new == 0)
            assert (old == total) == (new == left)
        for one, other in pairwise(sorted(zip(before, after, strict=True))):
            assert (one[0] < other[0]) == (one[1] < other[1])
            assert (other[0] - one[0] == 1) == (other[1] - one[1] == 1)

    @given(features())
    def test_signs(self, case: tuple[list[int], int]) -> None:
        layers, total = case
        moved, _ = compress(layers, total)
        assert [layer < 0 for layer in layers] == [layer < 0 for layer in moved]
        assert all(new == -1 for old, new in zip(layers, moved, strict=True) if old == -1)

    @given(features())
    def test_twice_is_once(self, case: tuple[list[int], int]) -> None:
        once = compress(*case)
        assert compress(*once) == once

    @pytest.mark.parametrize("layer", [25, -26])
    def test_out_of_range(self, layer: int) -> None:
        with pytest.raises(IndexError, match="24 layers"):
            compress([layer], 24)


class TestChoose:
    @pytest.mark.parametrize(
        ("total", "lists", "boundaries", "expected"),
        [
            (28, [], [], [0, 1]),
            (28, [["a"] * 28], [], [0, 1]),
            (6, ["sssssf"], [], [0, 5]),
            (28, [], [28], [0, 1]),
            (28, [], [21], [0, 21]),
            (4, ["abab", "xxyy"], [], [0, 1]),
            (1, [], [], [0]),
        ],
    )
    def test_cases(
        self, total: int, lists: list[list[str]], boundaries: list[int], expected: list[int]
    ) -> None:
        assert choose(total, 2, lists, boundaries) == expected

    @given(st.integers(1, 50), st.integers(1, 6), st.data())
    def test_any(self, total: int, wanted: int, data: st.DataObject) -> None:
        kinds = data.draw(st.lists(st.sampled_from("abc"), min_size=total, max_size=total))
        chosen = choose(total, wanted, [kinds], [])
        assert chosen == sorted(set(chosen))
        assert len(chosen) == min(total, wanted)
        found = {kinds[layer] for layer in chosen}
        assert len(found) == min(wanted, len(set(kinds)))
