# SPDX-License-Identifier: Apache-2.0
"""Which recording becomes the most tokens, for a processor that can only be asked."""

from collections.abc import Callable
from functools import cache


def find_audio_length_with_most_tokens(
    count_tokens: Callable[[int], int], *, sampling_rate: int, max_tokens: int
) -> int:
    """Search the length of recording, in samples, that becomes the most tokens.

    Those of more than `max_tokens`, or of more than a quarter of an hour, are left out.
    """

    @cache
    def count(length: int) -> int:
        try:
            num_tokens = count_tokens(length)
        except (ArithmeticError, ValueError):  # Too short, or too long.
            return 0
        return num_tokens if num_tokens <= max_tokens else 0

    lengths = [sampling_rate * 2**power // 4 for power in range(13)]
    tried = [lengths[0]]
    for length in lengths[1:]:
        tried.append(length)
        if count(tried[-2]) and not count(length):
            break  # What is longer has no place in the context.
    best = max(tried, key=count)
    if best == tried[-1]:
        return best

    # Beside the best: up to the first that has no place, to a hundredth of a second.
    step = best // 2
    while step > sampling_rate // 100:
        if count(best + step) > count(best):
            best += step
        step //= 2
    return best
