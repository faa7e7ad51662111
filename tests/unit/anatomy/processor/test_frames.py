"""Which processors hand frames of videos on as images, as their source says."""

from __future__ import annotations

import pytest

from mmport.anatomy.classes import library_module
from mmport.anatomy.processor.frames import hands_frames_on
from mmport.core.source_tree import SourceTree
from mmport.inspection import hf_library

LIBRARY = SourceTree(hf_library._library().parent)


@pytest.mark.parametrize(
    ("processor", "fields", "expected"),
    [
        ("InternVLProcessor", ["pixel_values"], True),
        ("SmolVLMProcessor", ["pixel_values"], True),
        ("InternVLProcessor", ["image_grid_thw"], False),
        ("Qwen2VLProcessor", ["pixel_values", "image_grid_thw"], False),
        ("Qwen2_5OmniProcessor", ["pixel_values"], False),
        ("LlavaProcessor", ["pixel_values"], False),
    ],
)
def test_frames_are_handed_on(processor: str, fields: list[str], expected: bool) -> None:
    module = library_module(processor)
    assert module is not None
    assert hands_frames_on(LIBRARY, module, processor, fields) is expected


def test_a_class_that_is_not_there_hands_nothing_on() -> None:
    assert not hands_frames_on(LIBRARY, "transformers", "NoProcessor", ["pixel_values"])
