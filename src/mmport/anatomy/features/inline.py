"""What a `forward` does inline, written as a method of its own."""

from __future__ import annotations

import ast
import builtins
import re
import symtable
from collections.abc import Iterator, Sequence
from copy import deepcopy

_CASTS = frozenset({"to", "type", "type_as"})


def method_text(
    name: str,
    inputs: Sequence[str],
    others: set[str],
    statements: Sequence[ast.stmt],
    result: ast.expr,
) -> str:
    """Write statements of a `forward` as a method.

    Args:
        name: of the method.
        inputs: the parameters that it keeps.
        others: the parameters of `forward` that it does not have; arguments
            and casts that mention one are left out.
        statements: what is done, in order.
        result: the expression that is returned.
    """
    bound = {
        part.id
        for statement in statements
        for part in ast.walk(statement)
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)
    }
    shaper = _Shaper(others, bound)
    body = [shaper.visit(deepcopy(statement)) for statement in statements]
    returned = ast.Return(shaper.visit(deepcopy(result)))
    lines = ast.unparse(ast.fix_missing_locations(ast.Module([*body, returned], []))).splitlines()
    head = f"def {name}({', '.join(['self', *inputs])}):"
    return "\n".join([head, *(f"    {line}" if line else "" for line in lines)])


def free_names(source: str) -> frozenset[str]:
    """Name what a method's text reads that is neither given to it nor made in it."""
    return frozenset(_globals(symtable.symtable(source, "method", "exec"))) - {*dir(builtins)}


def _globals(table: symtable.SymbolTable) -> Iterator[str]:
    if table.get_type() != "module":
        yield from (one.get_name() for one in table.get_symbols() if one.is_global())
    for child in table.get_children():
        yield from _globals(child)


class _Shaper(ast.NodeTransformer):
    """Takes out what a method of media alone cannot know, and makes entries plain variables."""

    def __init__(self, others: set[str], bound: set[str]) -> None:
        self._others = others
        self._absent = others - bound

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """Drop casts to the text's dtype, and arguments that only `forward` is given."""
        match node:
            case ast.Call(func=ast.Attribute(value=value, attr=attr)) if (
                attr in _CASTS and self._unknown(*node.args, *node.keywords)
            ):
                return self._visited(value)
        self.generic_visit(node)
        node.args = [one for one in node.args if not self._is_other(one)]
        node.keywords = [
            one for one in node.keywords if one.arg is not None and not self._is_other(one.value)
        ]
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        """Take the model's own dtype and device for those of what `forward` alone is given."""
        match node:
            case ast.Attribute(value=ast.Name(id=name), attr="dtype" | "device" as form):
                if name in self._absent:
                    return ast.Attribute(ast.Name("self", ast.Load()), form, node.ctx)
        return self.generic_visit(node)

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        """Write `mm_encoder_outputs["image"]` as `image_outputs`."""
        match node:
            case ast.Subscript(value=ast.Name(id=name), slice=ast.Constant(value=str(key))):
                if name in self._others and key.isidentifier():
                    ending = re.sub(r"^.*_", "", name)
                    return ast.Name(f"{key}_{ending}", node.ctx)
        return self.generic_visit(node)

    def visit_IfExp(self, node: ast.IfExp) -> ast.AST:
        """Take the default of what only `forward` is given."""
        match node.test:
            case ast.Compare(left=ast.Name(id=name), ops=[ast.IsNot()]) if name in self._others:
                return self._visited(node.orelse)
            case ast.Compare(left=ast.Name(id=name), ops=[ast.Is()]) if name in self._others:
                return self._visited(node.body)
        return self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        """Leave out annotations of variables."""
        self.generic_visit(node)
        return node if node.value is None else ast.Assign([node.target], node.value)

    def _visited(self, node: ast.AST) -> ast.AST:
        found = self.visit(node)
        return found if isinstance(found, ast.AST) else node

    def _unknown(self, *nodes: ast.AST) -> bool:
        return any(
            isinstance(part, ast.Name) and part.id in self._others
            for node in nodes
            for part in ast.walk(node)
        )

    def _is_other(self, node: ast.expr) -> bool:
        return isinstance(node, ast.Name) and node.id in self._absent
