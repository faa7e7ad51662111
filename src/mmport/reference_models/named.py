"""The reference models that come with mmport, by name."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmport.core.errors import Usage
from mmport.model.spec import KeyLayout

DEFAULT = "clip-llama"
_FOLDER = Path(__file__).parent / "models"


@dataclass(frozen=True, slots=True)
class ReferenceModel:
    """A config of real size, and the checkpoint layout that goes with it.

    The `description` in each file is for its readers alone.
    """

    name: str
    layout: KeyLayout
    config: dict[str, Any]


def names() -> tuple[str, ...]:
    """List the reference models."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.json")))


def load(name: str) -> ReferenceModel:
    """Read a reference model; one may be another with changes.

    Raises:
        Usage: there is none of that name.
    """
    if name not in names():
        raise Usage(f"there is no reference model {name!r}", f"one of: {', '.join(names())}")
    content = json.loads((_FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    if "like" not in content:
        return ReferenceModel(name, content["layout"], content["config"])
    base = load(content["like"])
    config = _merge(base.config, content["changes"])
    layout = content.get("layout", base.layout)
    return ReferenceModel(name, layout, config)


def _merge(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    merged = copy.deepcopy(base)
    for key, value in changes.items():
        nested = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merge(merged[key], value) if nested else copy.deepcopy(value)
    return merged
