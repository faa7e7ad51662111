"""Processor settings follow the config."""

from __future__ import annotations

from mmport.reference_models.processor import ImageGeometry, shrink_settings

BEFORE, AFTER = ImageGeometry(336, 14), ImageGeometry(40, 8)


def test_sizes_follow_and_the_rest_stays() -> None:
    settings = {
        "crop_size": {"height": 336, "width": 336},
        "size": {"shortest_edge": 336},
        "do_resize": True,
        "image_mean": [0.5, 0.5, 0.5],
        "resample": 3,
    }
    assert shrink_settings(settings, BEFORE, AFTER) == {
        **settings,
        "crop_size": {"height": 40, "width": 40},
        "size": {"shortest_edge": 40},
    }


def test_nested_as_transformers_5_writes_them() -> None:
    settings = {"image_processor": {"size": 336}, "patch_size": 14, "image_token": "<image>"}
    assert shrink_settings(settings, BEFORE, AFTER) == {
        "image_processor": {"size": 40},
        "patch_size": 8,
        "image_token": "<image>",
    }


def test_another_size_keeps_its_proportion() -> None:
    assert shrink_settings({"size": {"shortest_edge": 672}}, BEFORE, AFTER) == {
        "size": {"shortest_edge": 80}
    }


def test_the_original_is_not_changed() -> None:
    settings = {"size": {"height": 336}}
    shrink_settings(settings, BEFORE, AFTER)
    assert settings == {"size": {"height": 336}}
