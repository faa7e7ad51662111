"""The reference models that come with mmport, by name."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from mmport.core.errors import Usage
from mmport.reference_models.facts import family_of, model_types

DEFAULT = "clip-llama"
_FOLDER = Path(__file__).parent / "models"


@dataclass(frozen=True, slots=True)
class ReferenceModel:
    """A config of real size, and the checkpoint layout that goes with it.

    `changes` are made to it before it is shrunk, `small` values by dotted path set
    after. The `description` in each file is for its readers alone.
    """

    name: str
    layout: str | None
    config: dict[str, Any]
    changes: dict[str, Any] = field(default_factory=dict)
    small: dict[str, Any] = field(default_factory=dict)


@cache
def names() -> tuple[str, ...]:
    """List the reference models: one a family, its variants, and the LLaVA models by name."""
    own = {path.stem for path in _FOLDER.glob("*.json")}
    return tuple(sorted(own | _of_families().keys()))


def load(name: str) -> ReferenceModel:
    """Give a reference model; one may be another with changes.

    Raises:
        Usage: there is none of that name.
    """
    if name not in names():
        raise Usage(f"there is no reference model {name!r}", f"one of: {', '.join(names())}")
    if name in _of_families():
        return _of_families()[name]
    content = json.loads((_FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    if "like" not in content:
        return ReferenceModel(name, content["layout"], content["config"])
    base = load(content["like"])
    config = merge(base.config, content["changes"])
    layout = content.get("layout", base.layout)
    return ReferenceModel(name, layout, config)


@cache
def _of_families() -> dict[str, ReferenceModel]:
    """Each model type with its class's defaults, and each variant of it (`type-variant`)."""
    models: dict[str, ReferenceModel] = {}
    for model_type in model_types():
        config = {"model_type": model_type}
        models[model_type] = ReferenceModel(model_type, None, config)
        for name, variant in family_of(model_type).variants.items():
            full = f"{model_type}-{name}"
            models[full] = ReferenceModel(
                full, variant.layout, config, variant.config, variant.small
            )
    return models


def merge(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Give `base` with `changes` in it, dictionaries key by key; neither is changed.

    A part that names another model type than the one that is there replaces it.
    """
    merged = copy.deepcopy(base)
    for key, value in changes.items():
        merged[key] = (
            merge(merged[key], value)
            if _goes_into(value, merged.get(key))
            else copy.deepcopy(value)
        )
    return merged


def _goes_into(change: object, there: object) -> bool:
    if not isinstance(change, dict) or not isinstance(there, dict):
        return False
    return change.get("model_type") in (None, there.get("model_type"))
