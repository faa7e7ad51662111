"""Which names statements read and bind, entries of a variable under a constant among them."""

from __future__ import annotations

import ast
from collections.abc import Iterator


def keys(node: ast.AST) -> Iterator[str]:
    """Name what a tree reads: variables, and entries of them under a constant (`outputs["a"]`)."""
    for part in ast.walk(node):
        if isinstance(part, ast.Name):
            yield part.id
        elif isinstance(part, ast.Subscript) and (entry := entry_of(part)) is not None:
            yield entry


def assigned_names(statement: ast.stmt) -> set[str]:
    """Name what a statement binds, in all its branches."""
    found: set[str] = set()
    for node in ast.walk(statement):
        if isinstance(node, ast.Assign):
            targets = node.targets
        elif isinstance(node, ast.AnnAssign | ast.AugAssign | ast.For):
            targets = [node.target]
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            # `rows.append(row)` changes `rows`.
            match node.value.func:
                case ast.Attribute(value=ast.Name() as name, attr="append" | "extend" | "insert"):
                    targets = [name]
                case _:
                    continue
        else:
            continue
        for target in targets:
            found |= set(_bound(target))
    return found


def _bound(target: ast.expr) -> Iterator[str]:
    match target:
        case ast.Name(id=name):
            yield name
        case ast.Tuple(elts=elements) | ast.List(elts=elements):
            for element in elements:
                yield from _bound(element)
        case ast.Starred(value=value):
            yield from _bound(value)
        case ast.Subscript(value=value):
            entry = entry_of(target)
            if entry is not None:
                yield entry
            else:
                yield from _bound(value)


def entry_of(node: ast.Subscript) -> str | None:
    """Name an entry under a constant, as `outputs['a']`; None for any other subscript."""
    match node:
        case ast.Subscript(value=ast.Name(id=name), slice=ast.Constant(value=str(key))):
            return f"{name}[{key!r}]"
    return None
