"""What somebody may have meant by a name that does not exist."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(name: str, known: Iterable[str], otherwise: str) -> str:
    """Suggest the known name nearest to a wrong one; list all where none is near."""
    names = list(known)
    if found := difflib.get_close_matches(name, names, n=1):
        return f"did you mean {found[0]!r}?"
    return f"{otherwise} {', '.join(names)}"
