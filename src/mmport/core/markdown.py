"""Texts from elsewhere inside Markdown: shown as they are, and doing nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence

# An underscore within a word means nothing to Markdown.
_MARKS = re.compile(r"([\\`*\[\]<>|#]|(?<!\w)_|_(?!\w))")


def escape(text: str) -> str:
    """Take the meaning from every mark in a text."""
    return _MARKS.sub(r"\\\1", text)


def code_span(text: str) -> str:
    """Render a text as code; the fence is longer than any run of backticks in it."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * (longest + 1)
    space = " " if longest else ""
    return f"{fence}{space}{text}{space}{fence}"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Render a table of cells that are Markdown already, a line a row."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
