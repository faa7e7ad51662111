"""In which forms features are offered to a class of vLLM's, and whose they are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mmport.workers.vllm_embeddings import _form, _forms, _is_wider

ROWS: Any = np.zeros((4, 8))
COUNTS: dict[str, Any] = {
    "features/0/0": ROWS,
    "counts/0/video_grid_thw": np.ones((1, 3)),
    "counts/0/second_per_grid_ts": np.ones(1),
    "counts/1/video_grid_thw": np.ones((1, 3)),
}


def test_what_the_processor_counts_is_offered_beside_the_features() -> None:
    plain, named, all_counts = _forms("video", ROWS, COUNTS, 0)
    assert list(plain) == list(named) == ["video"]
    assert plain["video"] == [ROWS]
    assert set(named["video"]) == {"video_embeds", "video_grid_thw"}
    assert set(all_counts["video"]) == {"video_embeds", "video_grid_thw", "second_per_grid_ts"}


def test_nothing_is_offered_beside_where_nothing_is_counted() -> None:
    assert len(list(_forms("image", ROWS, {"features/0/0": ROWS}, 0))) == 1


@pytest.mark.parametrize(
    ("own", "wider"),
    [([(4, 24)], True), ([(2, 24), (2, 24)], True), ([(4, 8)], False), ([(5, 24)], False)],
)
def test_a_class_may_have_more_in_each_feature(own: list[tuple[int, int]], wider: bool) -> None:
    theirs: Any = [np.zeros(shape) for shape in own]
    assert _is_wider(theirs, [ROWS]) is wider
    assert not _is_wider(theirs, [])


def test_a_form_says_how_many_and_how_wide() -> None:
    assert _form([ROWS, ROWS]) == "8 features of width [8]"
