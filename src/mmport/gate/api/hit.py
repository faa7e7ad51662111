"""What a rule found at a place of a file."""

from __future__ import annotations

import ast
from dataclasses import dataclass

Placed = ast.expr | ast.stmt | ast.keyword | ast.alias


@dataclass(frozen=True, slots=True)
class Hit:
    """A place, what is wrong there, and what to write; `mild` where it breaks nothing yet."""

    node: Placed
    message: str
    fix: str = ""
    mild: bool = False
