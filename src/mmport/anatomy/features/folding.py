"""An expression with what its variables stand for in their place."""

from __future__ import annotations

import ast
from copy import deepcopy

from mmport.anatomy.features.bindings import keys


def folded(expression: ast.expr, statements: list[ast.stmt]) -> ast.expr | None:
    """Put what variables stand for in their place; None where more than assignments are made."""
    values: dict[str, ast.expr] = {}
    for statement in statements:
        match statement:
            case (
                ast.Assign(targets=[target], value=value)
                | ast.AnnAssign(target=target, value=ast.expr() as value)
            ):
                found = [
                    key
                    for key in keys(target)
                    if key != _root(target) or key == ast.unparse(target)
                ]
                if len(found) != 1:
                    return None
                values[found[0]] = _Folder(values).visit(deepcopy(value))
            case _:
                return None
    folded = _Folder(values).visit(deepcopy(expression))
    return folded if isinstance(folded, ast.expr) else None


def _root(node: ast.expr) -> str:
    return next((part.id for part in ast.walk(node) if isinstance(part, ast.Name)), "")


class _Folder(ast.NodeTransformer):
    def __init__(self, values: dict[str, ast.expr]) -> None:
        self._values = values

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """Put a variable's value in its place."""
        return self._values.get(node.id, node)

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        """Put the value of an entry in its place."""
        found = [self._values[key] for key in keys(node) if key in self._values and "[" in key]
        return found[0] if found else self.generic_visit(node)
