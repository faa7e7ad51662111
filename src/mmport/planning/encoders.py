"""vLLM's own encoders, by the family of HF encoder that each can stand in for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from mmport.core.jsonable import from_json


@dataclass(frozen=True, slots=True)
class ReusableEncoder:
    """A class of vLLM that serves an encoder family.

    `inner` is the attribute that vLLM's class keeps between itself and its
    parts; checkpoints of transformers 4 have that level, those of 5 do not.
    """

    module: str
    class_name: str
    inner: str
    reason: str


@cache
def reusable_encoders() -> dict[str, ReusableEncoder]:
    """All encoder families that can be reused."""
    text = (files("mmport.planning") / "data" / "encoders.json").read_bytes()
    return from_json(text, dict[str, ReusableEncoder])
