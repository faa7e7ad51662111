"""Checkpoint tensors folded into patterns over layer indices."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping

from mmport.model.spec import TensorGroup
from mmport.model.tensors import TensorHeader

_INDEX = re.compile(r"(?<=\.)\d+(?=\.)")


def group_tensors(headers: Mapping[str, TensorHeader]) -> tuple[TensorGroup, ...]:
    """Fold tensors whose names differ by layer indices alone.

    Only tensors of one dtype and shape share a group, so a pattern can stand in
    several. Groups are sorted by pattern, dtype and shape.
    """
    counts = Counter(
        (pattern_of(name), header.dtype, header.shape) for name, header in headers.items()
    )
    return tuple(
        TensorGroup(pattern=pattern, count=count, dtype=dtype, shape=shape)
        for (pattern, dtype, shape), count in sorted(counts.items())
    )


def pattern_of(name: str) -> str:
    """Put `{}` for each index inside a tensor's name.

    A name that holds braces itself is kept as it is: its pattern must match no
    other name.
    """
    return name if "{" in name or "}" in name else _INDEX.sub("{}", name)


def heads(names: Iterable[str]) -> tuple[str, ...]:
    """Give the first two levels of tensors' names, sorted: how a checkpoint is laid out."""
    return tuple(sorted({".".join(pattern_of(name).split(".")[:2]) for name in names}))


def parameter_count(headers: Iterable[TensorHeader]) -> int:
    """Count the elements of all tensors as they are stored."""
    return sum(math.prod(header.shape) for header in headers)
