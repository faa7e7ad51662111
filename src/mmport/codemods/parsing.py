"""Source files as syntax trees that lose nothing: encodings, line ends, marks of byte order."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

import libcst as cst

from mmport.core.errors import MalformedSource, ModelNotFound

_BOM = "\ufeff"


@dataclass(frozen=True, slots=True)
class ParsedFile:
    """A Python file; `text` is its content as decoded, `bom` whether it begins with the mark."""

    path: Path
    text: str
    module: cst.Module
    bom: bool

    def code_of(self, module: cst.Module) -> str:
        """Write another tree as the content of this file."""
        return (_BOM if self.bom else "") + module.code


def read_python(path: Path) -> ParsedFile:
    """Read and parse a file of Python.

    Raises:
        ModelNotFound: there is no such file.
        MalformedSource: it is no UTF-8, or no Python; the place is named.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ModelNotFound(
            f"{path} cannot be read: {error.strerror or error}", "name a file of Python"
        ) from error
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedSource(
            f"{path} is not UTF-8: byte {error.start}", "save the file as UTF-8"
        ) from error
    body = text.removeprefix(_BOM)
    return ParsedFile(path, text, parse(body, str(path)), bom=text != body)


def parse(text: str, name: str) -> cst.Module:
    """Parse Python into a tree that holds every byte of it.

    Raises:
        MalformedSource: it is no Python; `name`, line and column are told.
    """
    try:
        # Python's own parser first: it says best what is wrong, and where.
        ast.parse(text, name)
        # Text, not bytes: a cookie that names another encoding has no say here.
        return cst.parse_module(text)
    except (SyntaxError, ValueError) as error:
        line, column = getattr(error, "lineno", None) or 1, getattr(error, "offset", None) or 1
        message = getattr(error, "msg", None) or str(error)
        raise MalformedSource(f"{name}:{line}:{column}: {message}", _MEND) from error
    except cst.ParserSyntaxError as error:
        raise MalformedSource(f"{name}: {error.message.splitlines()[0]}", _MEND) from error
    except (RecursionError, MemoryError) as error:
        raise MalformedSource(
            f"{name} is nested too deeply to be read", "split the expression up"
        ) from error


_MEND = "mend the file: it is no valid Python"
