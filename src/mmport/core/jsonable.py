"""Frozen dataclasses to JSON and back, strictly."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

T = TypeVar("T")


def to_builtins(value: object) -> Any:
    """Turn a value of frozen dataclasses into dicts, lists, tuples, strings and numbers."""
    return msgspec.to_builtins(value)


def to_json(value: object) -> str:
    """Render a value as indented JSON that ends in a newline."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n"


def from_builtins(data: object, kind: type[T]) -> T:
    """Build a value of `kind` from dicts, lists, strings and numbers.

    Raises:
        msgspec.ValidationError: a field is missing or of another type.
    """
    return msgspec.convert(data, type=kind)


def from_json(text: str | bytes, kind: type[T]) -> T:
    """Parse JSON into a value of `kind`.

    Raises:
        msgspec.DecodeError: the text is not JSON, or does not fit `kind`.
    """
    return msgspec.json.decode(text, type=kind)
