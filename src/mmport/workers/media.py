"""Items of every modality that both sides of a comparison make for themselves.

An item is a JSON object: `{"kind": "image", "width", "height", "seed"}`,
`{"kind": "video", "width", "height", "frames", "seed"}` (sizes in pixels) or
`{"kind": "audio", "seconds", "rate", "seed"}` (rate in samples a second).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .images import make_image

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[Any]]

_VOICES = 6


def make_item(item: Mapping[str, Any]) -> Any:
    """Make the item that a description asks for, the same for the same description."""
    if item["kind"] == "image":
        return make_image(item["width"], item["height"], item["seed"])
    if item["kind"] == "video":
        return make_video(item["width"], item["height"], item["frames"], item["seed"])
    return make_audio(item["seconds"], item["rate"], item["seed"])


def make_video(width: int, height: int, frames: int, seed: int) -> Array:
    """Make RGB frames (frames, height, width, 3) in which a picture moves and changes."""
    import numpy as np

    first = np.asarray(make_image(width, height, seed), dtype=np.float32)
    last = np.asarray(make_image(width, height, seed + 7919), dtype=np.float32)
    shares = np.linspace(0.0, 1.0, frames)
    moved = [
        np.roll(first, index * max(1, width // 8), axis=1) * (1.0 - share) + last * share
        for index, share in enumerate(shares)
    ]
    clip: Array = np.stack(moved).round().astype(np.uint8)
    return clip


def make_audio(seconds: float, rate: int, seed: int) -> Array:
    """Make a mono clip (samples,) of float32 within ±1: gliding tones, pauses, noise."""
    import numpy as np

    random = np.random.RandomState(seed)
    time = np.arange(round(seconds * rate)) / rate
    clip = random.normal(0.0, 0.01, time.shape)
    for _ in range(_VOICES):
        start, glide = random.uniform(80.0, 3000.0), random.uniform(-200.0, 200.0)
        pace, phase = random.uniform(0.5, 4.0), random.uniform(0.0, 2.0 * np.pi)
        loudness = random.uniform(0.03, 0.15) * (np.sin(2 * np.pi * pace * time + phase) > 0.0)
        clip += loudness * np.sin(2.0 * np.pi * (start + glide * time) * time + phase)
    voice: Array = clip.clip(-1.0, 1.0).astype(np.float32)
    return voice
