"""Reads a checkpoint's safetensors files, on either side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def read_shapes(files: Sequence[Path]) -> dict[str, tuple[int, ...]]:
    """Read the shape of every tensor from the headers alone."""
    from safetensors import safe_open

    shapes: dict[str, tuple[int, ...]] = {}
    for path in files:
        with safe_open(str(path), framework="pt") as tensors:
            for name in tensors.keys():  # noqa: SIM118 - not a mapping
                shapes[name] = tuple(tensors.get_slice(name).get_shape())
    return shapes


def read_tensors(files: Sequence[Path]) -> Iterator[tuple[str, torch.Tensor]]:
    """Read the tensors, one at a time."""
    from safetensors import safe_open

    for path in files:
        with safe_open(str(path), framework="pt") as tensors:
            for name in tensors.keys():  # noqa: SIM118 - not a mapping
                yield name, tensors.get_tensor(name)
