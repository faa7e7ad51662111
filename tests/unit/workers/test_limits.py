"""What a model class says that it takes; no engine is needed to read that."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from mmport.workers.vllm_processing import beyond_limits


class Info:
    """What vLLM knows of a model's items."""

    def __init__(self, limits: Mapping[str, int | None]) -> None:
        self._limits = limits

    def get_supported_mm_limits(self) -> Mapping[str, int | None]:
        return self._limits


@pytest.mark.parametrize(
    ("limits", "kinds", "told"),
    [
        ({"image": None}, ["image"] * 9, ""),
        ({"audio": 1}, ["audio"], ""),
        ({"audio": 1}, ["audio", "audio"], "takes at most 1 audio items in a prompt"),
        ({"video": None}, ["video", "image"], "takes at most 0 image items in a prompt"),
        ({}, [], ""),
    ],
)
def test_more_than_a_class_takes(
    limits: dict[str, int | None], kinds: list[str], told: str
) -> None:
    assert beyond_limits(Info(limits), {"items": [{"kind": kind} for kind in kinds]}) == told
