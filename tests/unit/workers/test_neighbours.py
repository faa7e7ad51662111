from __future__ import annotations

from typing import Any

from mmport.workers.neighbours import single_requests

IMAGE = {"kind": "image", "seed": 1}
CLIPS = [{"kind": "audio", "seed": seed} for seed in (2, 3)]
ONE_CLIP = {"text": "<audio> What?", "items": [CLIPS[0]], "forced": ()}
ONE_IMAGE = {"text": "<image> What?", "items": [IMAGE], "forced": ()}
TYPICAL: list[dict[str, Any]] = [{"text": "Hello", "items": []}, ONE_IMAGE, ONE_CLIP]


def test_each_item_with_another_of_its_kind_is_asked_about_by_itself() -> None:
    request = {"text": "<image><audio><audio>", "items": [IMAGE, *CLIPS], "forced": ()}
    assert single_requests(request, TYPICAL) == [
        {**ONE_CLIP, "items": [CLIPS[0]]},
        {**ONE_CLIP, "items": [CLIPS[1]]},
    ]


def test_an_item_without_its_like_has_no_neighbour_to_hang_on() -> None:
    assert single_requests({"items": [IMAGE, CLIPS[0]]}, TYPICAL) == []
    assert single_requests({"items": []}, TYPICAL) == []


def test_what_nothing_says_how_to_ask_about_is_left_as_it_is() -> None:
    assert single_requests({"items": [*CLIPS]}, [ONE_IMAGE]) == []
