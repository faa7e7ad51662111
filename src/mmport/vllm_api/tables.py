"""Tables of which each states what it changes of the one before."""

from __future__ import annotations

import copy
from typing import Any


def merged(before: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Put changes over what was, table by table."""
    made = copy.copy(before)
    for key, value in changes.items():
        both = isinstance(value, dict) and isinstance(before.get(key), dict)
        made[key] = merged(before[key], value) if both else value
    return made
