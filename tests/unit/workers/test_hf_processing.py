from __future__ import annotations

from typing import Any

import pytest

from mmport.workers import hf_processing
from mmport.workers.hf_processing import Caller

IMAGES: list[dict[str, Any]] = [{"kind": "image", "seed": seed} for seed in (1, 2)]
CLIP: list[dict[str, Any]] = [{"kind": "video", "seed": 3, "frames": 4, "width": 8, "height": 6}]
SOUND: list[dict[str, Any]] = [{"kind": "audio", "seed": 4, "rate": 16000}]


@pytest.fixture(autouse=True)
def _items_are_their_seeds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hf_processing, "make_item", lambda item: item["seed"])


class Processor:
    """Takes one form of arguments only, and keeps what it was given."""

    def __init__(self, **wanted: Any) -> None:
        self.wanted = wanted
        self.calls: list[dict[str, Any]] = []

    def __call__(self, **given: Any) -> dict[str, Any]:
        assert given.pop("return_tensors") == "pt"
        self.calls.append(given)
        if self.wanted and given != self.wanted:
            raise ValueError(f"call {len(self.calls)}")
        return {"input_ids": []}


def test_the_plain_form_comes_first() -> None:
    processor = Processor()
    Caller(processor, {"crop": 1})("what", IMAGES, {"do_normalize": False})
    (call,) = processor.calls
    assert call == {"text": "what", "images": [1, 2], "crop": 1, "do_normalize": False}


def test_a_text_alone_is_given_alone() -> None:
    processor = Processor()
    Caller(processor, {})("what", [], {})
    assert processor.calls == [{"text": "what"}]


def test_the_form_that_a_processor_takes_is_found_and_remembered() -> None:
    processor = Processor(text=["what"], images=[[1, 2]])
    caller = Caller(processor, {})
    caller("what", IMAGES, {})
    tries = len(processor.calls)
    assert tries > 1
    caller("what", IMAGES, {})
    assert len(processor.calls) == tries + 1


def test_a_single_item_may_be_wanted_bare() -> None:
    processor = Processor(text="what", audio=4)
    Caller(processor, {})("what", SOUND, {})
    assert processor.calls[-1] == {"text": "what", "audio": 4}


def test_the_error_of_the_plain_form_is_what_is_told() -> None:
    with pytest.raises(ValueError, match="call 1"):
        Caller(Processor(never=True), {})("what", IMAGES, {})


def test_no_other_form_is_tried_without_memory() -> None:
    class Full(Processor):
        def __call__(self, **given: Any) -> dict[str, Any]:
            self.calls.append(given)
            raise MemoryError

    processor = Full()
    with pytest.raises(MemoryError):
        Caller(processor, {})("what", IMAGES, {})
    assert len(processor.calls) == 1


def test_all_frames_of_a_clip_are_used() -> None:
    processor = Processor()
    Caller(processor, {})("what", CLIP, {})
    (call,) = processor.calls
    assert call["do_sample_frames"] is False
    (metadata,) = call["video_metadata"]
    assert metadata["frames_indices"] == [0, 1, 2, 3]


def test_the_rate_is_told_to_who_asks_for_it() -> None:
    class Extractor:
        def __call__(self, audio: Any, sampling_rate: int | None = None) -> None: ...

    processor = Processor()
    processor.feature_extractor = Extractor()  # type: ignore[attr-defined]
    Caller(processor, {})("what", SOUND, {})
    assert processor.calls[0]["sampling_rate"] == 16000
