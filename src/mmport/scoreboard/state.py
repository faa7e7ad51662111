"""What was measured so far, one file a cell, so that a run goes on where another stopped."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from mmport.core.files import write_text
from mmport.core.jsonable import from_builtins, from_json, to_json
from mmport.model.evidence import Implementation
from mmport.model.scoreboard import COLUMNS, BoardModel, BoardRow, Cell, NotBuilt

_MODEL = "model"
_NOT_BUILT = "not-built"
BY_SPEC, BY_CARD = "by-spec", "by-card"
"""Folders of comparisons whose questions come from a spec, or from the model's card."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Kept:
    """A result, and the key of all that it hangs on.

    `made_with` is the part of the key that is the same for every model: software
    and mmport's source.
    """

    key: str
    made_with: str
    value: Any


def key_of(**parts: object) -> str:
    """Hash all that a result hangs on."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class ModelState:
    """The folder of one reference model in the state of a board."""

    folder: Path

    def work(self, name: str) -> Path:
        """Where a side's worker writes; its log stays there."""
        return self.folder / name

    def keep_model(self, model: BoardModel) -> None:
        """Keep what the reference model is, and forget that it could not be built."""
        self._forget(_NOT_BUILT)
        self._keep(_MODEL, model, "", "")

    def keep_not_built(self, result: NotBuilt, key: str) -> None:
        """Keep that there is nothing to measure on, and forget what was measured before."""
        for name in (_MODEL, *COLUMNS):
            self._forget(name)
        self._keep(_NOT_BUILT, result, key, key)

    def keep_cell(self, cell: Cell, key: str, made_with: str) -> None:
        """Keep a finished cell."""
        self._keep(cell.column, cell, key, made_with)

    def cell(self, column: Implementation, key: str) -> Cell | None:
        """Give the cell that was measured on just this; None if there is none."""
        kept = self._kept(column)
        return self._value(kept, Cell) if kept and kept.key == key else None

    def not_built(self, key: str) -> NotBuilt | None:
        """Give why there is nothing to measure on; None if just this was not tried."""
        kept = self._kept(_NOT_BUILT)
        return self._value(kept, NotBuilt) if kept and kept.key == key else None

    def has_reference(self, folder: str, key: str) -> bool:
        """Tell whether HF's answers to just this are there; `folder` is `BY_SPEC` or `BY_CARD`."""
        kept = self._kept(folder)
        return kept is not None and kept.key == key

    def keep_reference(self, folder: str, key: str, seconds: float) -> None:
        """Keep that HF's answers are complete."""
        self._keep(folder, seconds, key, key)

    def reference_seconds(self) -> float:
        """What HF's answers took, all of them."""
        kept = [self._kept(folder) for folder in (BY_SPEC, BY_CARD)]
        return sum((self._value(one, float) or 0.0) for one in kept if one)

    def row(self, made_with: dict[Implementation, str]) -> BoardRow | None:
        """Give what is there of cells that were made with the present software and source."""
        model = self._kept(_MODEL)
        described = self._value(model, BoardModel) if model else None
        if described is None:
            return None
        cells: list[Cell] = []
        for column, key in made_with.items():
            kept = self._kept(column)
            cell = self._value(kept, Cell) if kept and kept.made_with == key else None
            cells += [cell] if cell else []
        return BoardRow(described, tuple(cells)) if cells else None

    def forget(self, columns: Iterable[Implementation]) -> None:
        """Remove the cells of some columns, and what they were held against."""
        for name in (*columns, BY_SPEC, BY_CARD, _NOT_BUILT):
            self._forget(name)
            shutil.rmtree(self.work(name), ignore_errors=True)

    def _keep(self, name: str, value: object, key: str, made_with: str) -> None:
        write_text(self._path(name), to_json(Kept(key, made_with, value)))

    def _kept(self, name: str) -> Kept | None:
        try:
            return from_json(self._path(name).read_bytes(), Kept)
        except (OSError, msgspec.DecodeError):
            return None  # cut short, or of another mmport: it is measured again

    def _value(self, kept: Kept, kind: type[T]) -> T | None:
        try:
            return from_builtins(kept.value, kind)
        except msgspec.ValidationError:
            return None

    def _forget(self, name: str) -> None:
        self._path(name).unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.json"
