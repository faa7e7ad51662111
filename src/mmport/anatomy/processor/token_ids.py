"""The tokens that a processor's code looks for among ids, where it puts others in their place."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from mmport.anatomy.classes import ModelClass, own_attribute

_LOOKED_UP = frozenset({"convert_tokens_to_ids", "get"})
_JOINED = frozenset({"extend", "append", "cat", "concatenate", "insert"})
_IDS = "ids"


def replaced_ids(found: ModelClass, methods: Sequence[ast.FunctionDef]) -> Iterator[str]:
    """Give the tokens whose ids are looked for and that others take the place of.

    Args:
        found: the processor's class.
        methods: its own.

    Yields:
        Python over the name `processor`.
    """
    if not any(_joins_ids(node) for method in methods for node in ast.walk(method)):
        return
    seen: set[str] = set()
    for node in (part for method in methods for part in ast.walk(method)):
        match node:
            case ast.Compare(left=left, ops=[ast.Eq()], comparators=[right]):
                for side in (right, left):
                    token = _token(found, own_attribute(side) or "")
                    if token and token not in seen:
                        seen.add(token)
                        yield token


def _joins_ids(node: ast.AST) -> bool:
    """Tell whether ids are put together anew."""
    match node:
        case ast.Call(func=ast.Attribute(attr=name)) if name in _JOINED:
            return any(isinstance(one, ast.Name) and _IDS in one.id for one in ast.walk(node))
    return False


def _token(found: ModelClass, name: str) -> str:
    """Write the token that an attribute is the id of; empty if it is the id of none."""
    for value in _values(found, name):
        match value:
            case ast.Call(func=ast.Attribute(attr=looked_up), args=[token, *_]) if (
                looked_up in _LOOKED_UP
            ):
                return _expression(found, token)
            case ast.Subscript(value=table, slice=token) if "vocab" in ast.unparse(table):
                return _expression(found, token)
    return ""


def _values(found: ModelClass, name: str) -> Iterator[ast.expr]:
    """Give what an attribute is: what a property returns, or `__init__` sets."""
    method = found.method(name) if name else None
    for node in ast.walk(method.node) if method else ():
        if isinstance(node, ast.Return) and node.value is not None:
            yield node.value
    yield from (value for attribute, value in found.attributes() if attribute == name)


def _expression(found: ModelClass, token: ast.expr) -> str:
    if (name := own_attribute(token)) is not None:
        return f"processor.{name}"
    if isinstance(token, ast.Constant) and isinstance(token.value, str):
        return repr(token.value)
    kept = (
        name
        for name, value in found.attributes()
        if isinstance(token, ast.Name) and ast.unparse(value) == token.id
    )
    return next((f"processor.{name}" for name in kept), "")
