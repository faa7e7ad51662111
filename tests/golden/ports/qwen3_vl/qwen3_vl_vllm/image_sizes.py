# SPDX-License-Identifier: Apache-2.0
"""Which image becomes the most tokens, for a processor that can only be asked."""

import heapq
import math
from collections.abc import Callable
from functools import cache
from itertools import product

from vllm.multimodal.parse import ImageSize


def find_image_size_with_most_tokens(
    count_tokens: Callable[[ImageSize], int], *, max_tokens: int, thorough: bool
) -> ImageSize:
    """Search the size of image that becomes the most tokens, up to `max_tokens`.

    `thorough` asks for thousands of sizes, else it is a few dozen.
    """
    ratios = (
        [1.1**power for power in range(56)] if thorough else [1, 1.5, 2, 3, 4, 8, 16]
    )
    areas = [1.1**power for power in range(-8, 16)] if thorough else [1, 2]
    steps = (1.2, 1.1, 1.05, 1.02, 1.01) if thorough else (1.2, 1.1, 1.05, 1.02)
    num_peaks = 24 if thorough else 1

    @cache
    def count(size: ImageSize) -> int:
        if max(size) > 200 * min(size):  # HF processors refuse what is thinner.
            return 0
        try:
            num_tokens = count_tokens(size)
        except (ArithmeticError, ValueError):  # Too small for this processor.
            return 0
        return num_tokens if num_tokens <= max_tokens else 0

    def scaled(size: ImageSize, across: float, down: float) -> ImageSize:
        return ImageSize(
            width=max(1, round(size.width * across)),
            height=max(1, round(size.height * down)),
        )

    def climb(best: ImageSize) -> ImageSize:
        for step in steps:
            moves = list(product((1 / step, 1, step), repeat=2))
            while True:
                beside = max((scaled(best, *move) for move in moves), key=count)
                if count(beside) <= count(best):
                    break
                best = beside
        return best

    squares = [ImageSize(side, side) for side in (64, 128, 256, 512, 1024)]
    strips = [ImageSize(1024, 256), ImageSize(256, 1024), ImageSize(1024, 512)]
    if not thorough and len({count(size) for size in (*squares[2:], *strips)}) == 1:
        return squares[2]  # All images become equally many.

    # Larger ones, as long as more comes of them.
    while count(squares[-1]) > count(squares[-2]) and squares[-1].width < 4096:
        squares.append(scaled(squares[-1], 2, 2))

    # Other shapes of the best square's area are tried, and sizes beside the best:
    # what was rounded down to whole patches may go up there.
    square = max(squares, key=count)
    shapes = [
        scaled(square, times * math.sqrt(ratio), times / math.sqrt(ratio))
        for times in areas
        for side in ratios
        for ratio in (side, 1 / side)
    ]
    return max(map(climb, heapq.nlargest(num_peaks, shapes, key=count)), key=count)
