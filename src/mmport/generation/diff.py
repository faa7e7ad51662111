"""Shows what a change does to a file."""

from __future__ import annotations

import difflib

_NO_NEWLINE = "\\ No newline at end of file"


def unified_diff(path: str, before: str | None, after: str | None) -> str:
    """Give the unified diff of one file, as `git diff` and `patch` read it.

    None stands for a file that is not there. Equal texts give an empty string.
    """
    lines = difflib.unified_diff(
        _lines(before),
        _lines(after),
        fromfile="/dev/null" if before is None else f"a/{path}",
        tofile="/dev/null" if after is None else f"b/{path}",
    )
    return "".join(line if line.endswith("\n") else f"{line}\n{_NO_NEWLINE}\n" for line in lines)


def _lines(text: str | None) -> list[str]:
    # Only newlines part lines here: a form feed within one must not.
    parts = (text or "").split("\n")
    return [f"{part}\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])
