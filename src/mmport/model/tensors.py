"""What a safetensors header says of one tensor."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TensorHeader:
    """A tensor's safetensors dtype (`F32`, `BF16`, …), shape, and the file that holds it."""

    dtype: str
    shape: tuple[int, ...]
    file: str
