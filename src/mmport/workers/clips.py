"""What both sides are told about a clip."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

FRAMES_PER_SECOND = 2.0
"""That to which video processors sample, so that nothing is left to sample."""


def video_metadata(item: Mapping[str, Any]) -> dict[str, Any]:
    """Say of a clip what a decoder would have said: all its frames are there."""
    frames: int = item["frames"]
    return {
        "total_num_frames": frames,
        "fps": FRAMES_PER_SECOND,
        "width": item["width"],
        "height": item["height"],
        "duration": frames / FRAMES_PER_SECOND,
        "video_backend": "opencv",
        "frames_indices": list(range(frames)),
    }
