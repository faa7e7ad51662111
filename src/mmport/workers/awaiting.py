"""Waits for what another worker is still making."""

from __future__ import annotations

import time
from pathlib import Path

_POLL_SECONDS = 0.02


def await_file(path: Path, *, ended: Path) -> None:
    """Wait until `path` is there; the supervisor limits how long.

    Args:
        path: a file that another worker writes whole.
        ended: a file that appears if that worker ended with an error.

    Raises:
        FileNotFoundError: the other worker ended and left no such file.
    """
    while not path.exists():
        if ended.exists() and not path.exists():
            raise FileNotFoundError(f"the other side ended without {path.name}")
        time.sleep(_POLL_SECONDS)
