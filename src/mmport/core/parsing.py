"""Python's own parser, asked once for a text that several look at."""

from __future__ import annotations

import ast
import warnings
from functools import lru_cache


@lru_cache(maxsize=1)
def parsed(text: str) -> ast.Module:
    """Parse a text; who asks for the same one next gets the same tree, to read and not to change.

    Raises:
        SyntaxError, ValueError, RecursionError, MemoryError: it is no Python.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what Python thinks of an escape is not our matter
        return ast.parse(text)
