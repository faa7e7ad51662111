"""Images that both sides of a comparison make for themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

_NOISE = 48.0
_WAVES = 3


def make_image(width: int, height: int, seed: int) -> Image.Image:
    """Make an RGB image of `width` x `height` pixels, the same for the same arguments.

    Smooth waves and a colour gradient, so that resizing and cropping matter;
    noise on top, so that the resampling filter does; another seed gives
    another image through and through.
    """
    import numpy as np
    from PIL import Image

    random = np.random.RandomState(seed)
    x, y = np.meshgrid(np.linspace(0.0, 1.0, width), np.linspace(0.0, 1.0, height))
    channels = []
    for _ in range(3):
        level = random.uniform(40.0, 215.0)
        slope = random.uniform(-70.0, 70.0, 2)
        channel = level + slope[0] * (x - 0.5) + slope[1] * (y - 0.5)
        for _ in range(_WAVES):
            frequency = random.uniform(-4.0, 4.0, 2)
            phase, height_of_wave = random.uniform(0.0, 2.0 * np.pi), random.uniform(15.0, 45.0)
            angle = 2.0 * np.pi * (frequency[0] * x + frequency[1] * y) + phase
            channel = channel + height_of_wave * np.sin(angle)
        channels.append(channel + random.uniform(-_NOISE, _NOISE, (height, width)))
    pixels = np.clip(np.stack(channels, axis=-1), 0.0, 255.0).round().astype(np.uint8)
    return Image.fromarray(pixels)
