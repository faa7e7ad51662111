"""Reads what a worker wrote about a stage."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    Tensors = dict[str, np.ndarray[Any, np.dtype[Any]]]


@dataclass(frozen=True, slots=True)
class StageFiles:
    """One side's answers, in the folder that its worker wrote to."""

    folder: Path

    def document(self, stage: str) -> Any | None:
        """The stage's JSON, or None if the worker did not come so far."""
        path = self.folder / f"{stage}.json"
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None

    def tensors(self, stage: str) -> Tensors:
        """The stage's tensors; there are some wherever there is a document."""
        from safetensors.numpy import load_file

        tensors: Tensors = load_file(self.folder / f"{stage}.safetensors")
        return tensors


def scenario_stage(name: str) -> str:
    """The name of a scenario's stage files."""
    return f"scenario-{name}"
