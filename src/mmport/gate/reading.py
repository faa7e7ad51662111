"""Reads a Python file as Python does: by its byte order mark, its coding cookie, or UTF-8."""

from __future__ import annotations

import io
import stat
import tokenize
from pathlib import Path

from mmport.gate import rules
from mmport.model.finding import Finding
from mmport.usage.parsing import parsed


def read_python(path: Path) -> str | Finding:
    """Read a file whose text is known to be Python then; a `syntax` finding where it isn't.

    Lines end in a line feed, whatever ended them in the file; there is no byte order mark.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return _unread(path, "is not a file that could be read")  # a pipe would never end
        data = path.read_bytes()
    except OSError as error:
        return _unread(path, f"cannot be read: {error.strerror or error}")
    try:
        _, text = decoded(data)
    except UnicodeDecodeError as error:
        line, column = _place(data[: error.start].decode(error.encoding, "replace"))
        return _unread(path, f"is not {error.encoding}: {error.reason}", line, column)
    except (SyntaxError, UnicodeError, LookupError) as error:
        return _unread(path, f"cannot be decoded: {error}", 1)
    text = with_line_feeds(text)
    return fault(path, text) or text


def with_line_feeds(text: str) -> str:
    """End every line in a line feed, as Python reads it."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def decoded(data: bytes) -> tuple[str, str]:
    """Decode a file as Python does; give the encoding and the text, its line ends as they are.

    Raises:
        SyntaxError, UnicodeError, LookupError: it is not of the encoding that it states.
    """
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    except SyntaxError:
        data.decode()  # where the bytes are the reason, this says which
        raise
    return encoding, data.decode(encoding)


def fault(path: Path, text: str) -> Finding | None:
    """Say why a text is no Python; None if it is."""
    if "\0" in text:
        return _unread(path, "holds a NUL byte", *_place(text[: text.index("\0")]))
    try:
        parsed(text)
    except SyntaxError as error:
        return _unread(path, error.msg, error.lineno or 0, max(0, error.offset or 0))
    except ValueError as error:
        return _unread(path, str(error))
    except (RecursionError, MemoryError):
        return too_deep(path)
    return None


def too_deep(path: Path) -> Finding:
    """Say that a file is nested more deeply than Python can follow."""
    return _unread(path, "is nested too deeply to be read")


def _unread(path: Path, message: str, line: int = 0, column: int = 0) -> Finding:
    return rules.SYNTAX.finding(message, file=str(path), line=line, column=column)


def _place(before: str) -> tuple[int, int]:
    """Give the line and column of what follows a text."""
    lines = with_line_feeds(before).split("\n")
    return len(lines), len(lines[-1]) + 1
