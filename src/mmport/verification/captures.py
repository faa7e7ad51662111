"""Reads what a worker recorded of a model's modules (`workers/capture.py`)."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mmport.verification.judging import Array

_RESIDUAL = "residual"


def capture_folder(side: Path, scenario: str, variant: str = "") -> Path:
    """Where a side's worker recorded a scenario; `variant` of the reference perhaps."""
    return side / f"capture-{scenario}{'@' if variant else ''}{variant}"


@dataclass(frozen=True, slots=True)
class Value:
    """A tensor in the record: where it lies and how to read it."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    offset: int


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a module. `begun` counts calls over the whole model."""

    module: str
    call: int
    begun: int
    caller: str
    inputs: Mapping[str, Value]
    outputs: Mapping[str, Value]


@dataclass(frozen=True)
class Capture:
    """All calls of one side in one scenario, in the order in which they began."""

    folder: Path

    @property
    def exists(self) -> bool:
        """Tell whether the worker came as far as this."""
        return (self.folder / "calls.jsonl").is_file()

    @cached_property
    def calls(self) -> tuple[Call, ...]:
        """The calls of every module."""
        text = (self.folder / "calls.jsonl").read_text(encoding="utf-8")
        return tuple(_call(number, json.loads(line)) for number, line in enumerate(_lines(text)))

    @cached_property
    def by_module(self) -> dict[str, list[Call]]:
        """The calls of each module."""
        calls: dict[str, list[Call]] = defaultdict(list)
        for call in self.calls:
            calls[call.module].append(call)
        return dict(calls)

    def rows(self, calls: Sequence[Call], event: str, name: str = "") -> Array | None:
        """What went into (`input`) or came out of (`output`) some calls, as rows.

        A residual that travels beside the hidden states is added to them: that
        sum is what the other side has in its place.

        Returns:
            Shape (rows of all calls, last dimension), or None where a call has
            no such tensor or their widths differ.
        """
        import numpy as np

        parts = []
        for call in calls:
            values = call.inputs if event == "input" else call.outputs
            main = values.get(name or event)
            if main is None:
                return None
            rows = self.array(main)
            if not name and _RESIDUAL in values:
                rows = rows + self.array(values[_RESIDUAL])
            parts.append(rows.reshape(-1, rows.shape[-1]) if rows.ndim else rows.reshape(1, 1))
        if not parts or len({part.shape[-1] for part in parts}) != 1:
            return None
        return np.concatenate(parts)

    def array(self, value: Value) -> Array:
        """Read one tensor; what is no float64 and floating comes as float32."""
        import numpy as np

        count = int(np.prod(value.shape))
        stored = "uint16" if value.dtype == "bfloat16" else value.dtype
        read = np.fromfile(
            self.folder / "tensors.bin", dtype=stored, count=count, offset=value.offset
        )
        if value.dtype == "bfloat16":
            read = (read.astype(np.uint32) << 16).view(np.float32)
        elif value.dtype == "float16":
            read = read.astype(np.float32)
        return read.reshape(value.shape)


def _lines(text: str) -> list[str]:
    return [line for line in text.split("\n") if line]


def _call(number: int, entry: dict[str, Any]) -> Call:
    return Call(
        entry["module"],
        entry["call"],
        number,
        entry["caller"],
        _values(entry["inputs"]),
        _values(entry["outputs"]),
    )


def _values(entries: list[dict[str, Any]]) -> dict[str, Value]:
    return {
        entry["name"]: Value(entry["name"], entry["dtype"], tuple(entry["shape"]), entry["offset"])
        for entry in entries
    }
