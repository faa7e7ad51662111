"""Stage files: one JSON document and the tensors that belong to it, written whole."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .runner import write_json

if TYPE_CHECKING:
    import torch


def write_stage(
    out: Path,
    name: str,
    document: Mapping[str, Any],
    tensors: Mapping[str, torch.Tensor] | None = None,
) -> None:
    """Write `name.safetensors`, then `name.json`, each atomically.

    Who finds the document finds the tensors too. They travel as float32 or
    int64, so that a reader needs numpy and no torch.
    """
    if tensors is not None:
        from safetensors.torch import save_file

        path = out / f"{name}.safetensors"
        temporary = path.with_name(f".{path.name}")
        save_file({key: _portable(value) for key, value in tensors.items()}, str(temporary))
        temporary.replace(path)
    write_json(out / f"{name}.json", document)


def limit_threads(threads: int) -> None:
    """Compute with so many threads; with 0, with as many as the engine likes."""
    import torch

    if threads:
        torch.set_num_threads(threads)


def is_memory_error(error: BaseException) -> bool:
    """Tell whether an exception says that memory is short: never the model's own refusal."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    return "can't allocate memory" in str(error)


def _portable(tensor: torch.Tensor) -> torch.Tensor:
    import torch

    dtype = torch.float32 if tensor.is_floating_point() else torch.int64
    return tensor.detach().to("cpu", dtype).contiguous().clone()
