"""Finds in a worker's traceback the line of vLLM or transformers that it ended in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from mmport.core.errors import one_line
from mmport.model.scoreboard import CodeLine, Failure

_FRAME = re.compile(
    r'^\s*File "(?P<file>[^"\n]+)", line (?P<line>\d+)(?:, in .*)?\n(?P<text>.*)', re.M
)
_PACKAGE = re.compile(r"(?:^|/)(?:site|dist)-packages/(?P<path>(?:vllm|transformers)/.+)$")
_CHECKOUT = re.compile(r"/(?P<path>(?:vllm|transformers)/.+)$")
_SITE_PACKAGES = re.compile(r"/[^\s'\":]*/(?:site|dist)-packages/")
_ABSOLUTE = re.compile(r"(?<![\w.:/\\-])/(?:[\w.@+~-]+/)+(?=[\w.@+~-])")
_ADDRESS = re.compile(r"\b0x[0-9a-f]{6,}\b")
_CAUSED = "The above exception was the direct cause of the following exception:"
_LONGEST = 2000


def failure_of(
    phase: str, kind: str, message: str, traceback: str, folders: Mapping[Path, str]
) -> Failure:
    """Tell of an error, and of the one that caused it, without what is of this machine alone.

    Args:
        phase: what the worker was doing.
        kind: the error's type.
        message: the error's.
        traceback: as Python printed it; may be empty.
        folders: names to give to folders that a message may name.
    """
    root, caused, _ = traceback.partition(_CAUSED)
    if caused:
        message = f"{message}, caused by {_last_line(root)}"
    return Failure(phase, kind, portable(message, folders), last_code_line(root))


def _last_line(traceback: str) -> str:
    """What a traceback ends in: the error's type and message."""
    lines = [line for line in traceback.splitlines() if line.strip()]
    return lines[-1].strip() if lines else ""


def last_code_line(traceback: str) -> CodeLine | None:
    """Find the last frame inside vLLM or transformers; None if there is none."""
    found = None
    for frame in _FRAME.finditer(traceback):
        path = _path_in_package(frame["file"])
        if path is not None:
            found = CodeLine(f"{path}:{frame['line']}", frame["text"].strip())
    return found


def portable(text: str, folders: Mapping[Path, str]) -> str:
    """Fold a message to one line in which no folder and no address of this run is named."""
    for folder, name in folders.items():
        text = text.replace(str(folder), name)
    text = _ABSOLUTE.sub("…/", _SITE_PACKAGES.sub("", text))
    return one_line(_ADDRESS.sub("0x…", text))[:_LONGEST]


def _path_in_package(file: str) -> str | None:
    name = file.replace("\\", "/")
    match = _PACKAGE.search(name) or _CHECKOUT.search(name)
    return match["path"] if match else None
