"""How a value becomes text of another language.

Values come from configs that nobody vouches for. A template writes one only
through the filter for the place where it stands.
"""

from __future__ import annotations

import ast
import keyword
import re
import shlex
import textwrap

from mmport.core.errors import MalformedSource, one_line

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_DISTRIBUTION = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*\Z")
_MARKDOWN = re.compile(r"([\\`*_\[\]<>!|~&])")
_RAW_SAFE = re.compile(r"[ -!#-&(-~]*\Z")
"""Printable ASCII without quotes."""


def python_repr(value: object) -> str:
    """Write a value as a Python literal, strings in double quotes where that needs no escape."""
    literal = repr(value)
    if isinstance(value, str) and literal.startswith("'") and '"' not in value:
        return f'"{literal[1:-1]}"'
    return literal


def raw_string(value: str) -> str:
    """Write a regular expression as a raw string, or as a plain one where raw cannot say it."""
    if _RAW_SAFE.match(value) and not value.endswith("\\"):
        return f'r"{value}"'
    return python_repr(value)


def comment(value: str, width: int) -> list[str]:
    """Wrap text to lines that, behind the mark of a comment, are `width` wide at most."""
    return textwrap.wrap(one_line(value), width - len("# "))


def identifier(value: object) -> str:
    """Pass an ASCII identifier on.

    Raises:
        MalformedSource: the value is anything else.
    """
    if isinstance(value, str) and _IDENTIFIER.match(value) and not keyword.iskeyword(value):
        return value
    raise MalformedSource(
        f"{value!r} cannot be a name in Python code", "mend the model's config.json"
    )


def dotted(value: object) -> str:
    """Pass a dotted path of identifiers on.

    Raises:
        MalformedSource: a part of it is no identifier.
    """
    return ".".join(identifier(part) for part in str(value).split("."))


def markdown(value: object) -> str:
    """Write text so that Markdown shows it as it is, on one line."""
    return _MARKDOWN.sub(r"\\\1", one_line(str(value)))


def shell(value: object) -> str:
    """Write text as one word of a POSIX shell's command, on one line."""
    return shlex.quote(one_line(str(value)))


def distribution(value: object) -> str:
    """Pass the normalized name of a Python distribution on.

    Raises:
        MalformedSource: the value is anything else.
    """
    if isinstance(value, str) and _DISTRIBUTION.match(value):
        return value
    raise MalformedSource(f"{value!r} cannot name a distribution", "generate the port anew")


def expression(value: object) -> str:
    """Pass one expression of Python on.

    Raises:
        MalformedSource: the value is anything else.
    """
    try:
        ast.parse(str(value), mode="eval")
    except (SyntaxError, ValueError) as error:
        raise MalformedSource(
            f"{value!r} is no expression of Python", "generate the port anew"
        ) from error
    return str(value)


def statement(value: object) -> str:
    """Pass statements of Python on, as many as there are, without an indentation of their own.

    Raises:
        MalformedSource: the value is anything else.
    """
    try:
        ast.parse(str(value))
    except (SyntaxError, ValueError) as error:
        raise MalformedSource(
            f"{str(value)[:80]!r} is no Python", "generate the port anew"
        ) from error
    return str(value)


def outdent(value: object, width: int) -> str:
    """Take up to `width` spaces from the beginning of each line."""
    return re.sub(rf"^ {{1,{width}}}", "", str(value), flags=re.MULTILINE)


FILTERS = {
    "repr": python_repr,
    "raw": raw_string,
    "comment": comment,
    "identifier": identifier,
    "dotted": dotted,
    "markdown": markdown,
    "shell": shell,
    "distribution": distribution,
    "expression": expression,
    "statement": statement,
    "outdent": outdent,
}
