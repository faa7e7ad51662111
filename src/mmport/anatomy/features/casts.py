"""What changes a tensor's form and none of its values, taken away."""

from __future__ import annotations

import ast

from mmport.anatomy.features.bindings import entry_of, keys

FORMS = frozenset({"dtype", "device", "shape", "ndim"})
"""Attributes that say nothing of a tensor's values."""

_KEEPING_SHAPE = frozenset({"to", "type", "type_as", "float", "contiguous"})
_CASTS = _KEEPING_SHAPE | {"flatten", "view", "reshape", "squeeze", "cat"}
"""What changes the form of tensors and not their values."""


def uncast(node: ast.expr, casts: frozenset[str] = _CASTS) -> ast.expr:
    """Take away what changes only a tensor's form, dtype or device."""
    while True:
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="torch"), attr="cat"), args=[one, *_]
            ) if "cat" in casts:
                if isinstance(one, ast.List | ast.Tuple | ast.ListComp):
                    return node
                node = one
            case ast.Call(func=ast.Attribute(value=value, attr=attr)) if attr in casts:
                node = value
            case _:
                return node


def base_of(node: ast.expr, media: frozenset[str] = frozenset()) -> ast.expr:
    """Give what an expression takes its rows from: `features` for `features[i].to(…)`.

    Which rows, an input may say: `features[mask]`.
    """
    while True:
        node = uncast(node)
        if isinstance(node, ast.Subscript) and media & {*keys(node.slice)}:
            return node
        if (isinstance(node, ast.Subscript) and entry_of(node) is None) or (
            isinstance(node, ast.Attribute) and node.attr in FORMS
        ):
            node = node.value
        else:
            return node


def only_casts(statement: ast.stmt) -> bool:
    """Tell whether a statement gives a variable to itself in another form."""
    match statement:
        case ast.Assign(targets=[ast.Name(id=name)], value=value):
            base = uncast(value, _KEEPING_SHAPE)
            return base is not value and isinstance(base, ast.Name) and base.id == name
    return False
