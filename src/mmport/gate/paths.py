"""Names of files, by what is written and not by where links lead."""

from __future__ import annotations

import os
from pathlib import Path


def absolute(path: Path) -> Path:
    """Write a path from the root on, without `..`; links are kept.

    A file belongs to the project that it was named in, wherever a link leads.
    """
    return Path(os.path.abspath(path))  # noqa: PTH100 - `resolve` would follow links


def below(path: Path, folder: Path) -> str | None:
    """Name a path from a folder on, with slashes; None if it's not below the folder."""
    whole = absolute(path)
    return whole.relative_to(folder).as_posix() if whole.is_relative_to(folder) else None
