"""What modules are called in vLLM's text classes, where HF has another name.

Such a class renames tensors when it loads them. Adapters and the lists of a
quantization know modules by name alone, and vLLM asks the port for the way, not
its language model. So a port renames them itself; a rule stands in the table
only if the class's own, which comes after it, then finds nothing to do.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from mmport.core.jsonable import from_json


@dataclass(frozen=True, slots=True)
class TextName:
    """A pattern in the names of a text class's modules, and what stands there in vLLM."""

    architecture: str
    pattern: str
    replacement: str
    reason: str


@cache
def text_names() -> tuple[TextName, ...]:
    """All of them."""
    text = (files("mmport.planning") / "data" / "text_names.json").read_bytes()
    return from_json(text, tuple[TextName, ...])
