"""Kinds of items that transformers' own classes fail on, each seen to."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from mmport.core.jsonable import from_json
from mmport.model.spec import Modality


@dataclass(frozen=True, slots=True)
class Broken:
    """What a class of transformers cannot do with items that it is meant to take."""

    architecture: str
    modality: Modality
    reason: str


def broken(architecture: str, modality: Modality) -> str:
    """Say why a class fails on such items; empty where it is not known to."""
    found = (one for one in _all() if (one.architecture, one.modality) == (architecture, modality))
    return next((one.reason for one in found), "")


@cache
def _all() -> tuple[Broken, ...]:
    text = (files("mmport.planning") / "data" / "broken_in_transformers.json").read_bytes()
    return from_json(text, tuple[Broken, ...])
