"""How a diff is printed: coloured on a terminal, elsewhere as it is, for `patch`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from mmport.core.output import Format

if TYPE_CHECKING:
    from mmport.core.output import Sink


def print_diff(result: object, diff: str, sink: Sink) -> None:
    """Print what would change; `result` is what JSON shows of it."""
    if sink.format is Format.TEXT and not sys.stdout.isatty():
        sys.stdout.write(diff)
        return
    from rich.text import Text

    colours = {"+": "green", "-": "red", "@": "cyan"}
    text = Text(end="")
    for line in diff.splitlines(keepends=True):
        style = "bold" if line.startswith(("+++", "---")) else colours.get(line[:1], "")
        text.append(line, style=style)
    sink.result(result, text)
