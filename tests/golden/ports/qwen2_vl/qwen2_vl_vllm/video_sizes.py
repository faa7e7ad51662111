# SPDX-License-Identifier: Apache-2.0
"""Which video becomes the most tokens, for a processor that can only be asked."""

from collections.abc import Callable
from functools import cache
from itertools import product
from typing import NamedTuple


class VideoSize(NamedTuple):
    num_frames: int
    width: int
    height: int


def find_video_with_most_tokens(
    count_tokens: Callable[[VideoSize], int], *, max_tokens: int
) -> VideoSize:
    """Search how many frames of which size become the most tokens, up to `max_tokens`.

    Videos of more than 64 million pixels are left out.
    """

    @cache
    def count(size: VideoSize) -> int:
        num_frames, width, height = size
        if num_frames * width * height > 1 << 26:
            return 0
        try:
            num_tokens = count_tokens(size)
        except (ArithmeticError, ValueError):  # Too few or too small.
            return 0
        return num_tokens if num_tokens <= max_tokens else 0

    # The smallest frames of which most becomes, as there may be more of these.
    sides = (64, 128, 256, 512, 1024)
    sizes = product((2, 8), sides, (1, 2))
    best = max(
        (VideoSize(frames, side * ratio, side) for frames, side, ratio in sizes),
        key=count,
    )
    while count(longer := best._replace(num_frames=2 * best.num_frames)) > count(best):
        best = longer

    step = best.num_frames // 2
    while step:
        longer = best._replace(num_frames=best.num_frames + step)
        if count(longer) > count(best):
            best = longer
        step //= 2
    return best
