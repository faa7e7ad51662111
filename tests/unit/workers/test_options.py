from __future__ import annotations

from typing import Any

import pytest

from mmport.workers.options import _candidates, other_value


@pytest.mark.parametrize(
    ("name", "value", "other"),
    [
        ("do_resize", True, False),
        ("crop_to_patches", False, True),
        ("max_pixels", 1000, 500),
        (
            "size",
            {"shortest_edge": 56, "longest_edge": 112},
            {"shortest_edge": 28, "longest_edge": 56},
        ),
        ("resample", 3, 2),
        ("resample", 2, 3),
        ("image_mean", [0.5, 0.5, 0.5], None),
        ("size", {"longest_edge": 1}, None),
        ("min_patches", 1, None),
        ("rescale_factor", 0.003, None),
        ("name", "max", None),
    ],
)
def test_another_value_is_one_that_a_user_might_give(name: str, value: Any, other: Any) -> None:
    assert other_value(name, value) == other


class Part:
    def to_dict(self) -> dict[str, Any]:
        return {
            "do_normalize": True,
            "do_sample_frames": True,
            "patch_size": 14,
            "merge_size": 2,
            "max_pixels": 64,
            "return_tensors": True,
            "processor_class": "P",
        }


class Processor:
    image_processor = Part()


def test_what_the_weights_decide_is_no_option() -> None:
    assert dict(_candidates(Processor(), "image")) == {"max_pixels": 32, "do_normalize": False}


def test_how_much_is_processed_comes_first() -> None:
    assert next(_candidates(Processor(), "image"))[0] == "max_pixels"


def test_a_processor_without_settings_has_no_options() -> None:
    assert not list(_candidates(Processor(), "audio"))
