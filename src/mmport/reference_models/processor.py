"""Shrinks a repo's own processor settings along with its config."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

_SIZES = ("size", "crop_size")


@dataclass(frozen=True, slots=True)
class ImageGeometry:
    """Pixels a side of what the encoder takes, and of a patch."""

    image_size: int
    patch_size: int


def shrink_settings(settings: Any, before: ImageGeometry, after: ImageGeometry) -> Any:
    """Make the sizes in processor settings small; everything else is kept.

    Args:
        settings: a JSON value of `preprocessor_config.json` or
            `processor_config.json`; not changed.
        before: of the original encoder.
        after: of the shrunk one.
    """
    if isinstance(settings, list):
        return [shrink_settings(item, before, after) for item in settings]
    if not isinstance(settings, dict):
        return settings
    return {key: _setting(key, value, before, after) for key, value in settings.items()}


def _setting(key: str, value: Any, before: ImageGeometry, after: ImageGeometry) -> Any:
    if key in _SIZES:
        return _scaled(value, before.image_size, after.image_size)
    if key == "patch_size":
        return _scaled(value, before.patch_size, after.patch_size)
    return shrink_settings(value, before, after)


def _scaled(value: Any, before: int, after: int) -> Any:
    """Scale a number or each number of a mapping or list; what was equal stays equal."""
    if isinstance(value, dict):
        return {key: _scaled(item, before, after) for key, item in value.items()}
    if isinstance(value, list):
        return [_scaled(item, before, after) for item in value]
    if isinstance(value, bool) or not isinstance(value, int):
        return value
    return after if value == before else max(1, round(value * after / before))
