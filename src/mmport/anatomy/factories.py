"""What a function of a model's source makes: the calls that it returns, as its caller sees them."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from copy import deepcopy

from mmport.anatomy.classes import ModelClass, own_attribute
from mmport.anatomy.parameters import arguments_of
from mmport.core.source_tree import SourceTree

_DEPTH = 3


def returned_calls(
    model: ModelClass, module: str, call: ast.Call, depth: int = _DEPTH
) -> Iterator[tuple[str, ast.Call]]:
    """Give the calls that a called function of the source returns, one for each way out.

    Args:
        model: the class in which the call stands, whose methods may be called.
        module: where the call stands.
        call: of the function or method.
        depth: how many functions may hand on to one another.

    Yields:
        The module that a returned call stands in, and the call with the
        function's parameters replaced by what it is given.
    """
    tree = model.tree
    if depth > 0 and isinstance(call.func, ast.Call | ast.Subscript):
        for where, name in _chosen(tree, module, call.func):
            yield where, ast.Call(ast.Name(name, ast.Load()), call.args, call.keywords)
        return
    method = model.method(own_attribute(call.func) or "")
    found = (method.module, method.node) if method else None
    if isinstance(call.func, ast.Name):
        found = _function(tree, module, call.func.id)
    if found is None or depth <= 0:
        return
    where, function = found
    given = _given(function, call)
    local = _local(function)
    for node in ast.walk(function):
        if isinstance(node, ast.Return) and node.value is not None:
            value = local.get(node.value.id) if isinstance(node.value, ast.Name) else node.value
            for made in ast.walk(value) if value is not None else ():
                if isinstance(made, ast.Call):
                    bound = _Bound(given).visit(deepcopy(made))
                    yield where, bound
                    yield from returned_calls(model, where, bound, depth - 1)


def _chosen(
    tree: SourceTree, module: str, choice: ast.Call | ast.Subscript
) -> Iterator[tuple[str, str]]:
    """Name the classes that a function may return, or a table of the module holds."""
    function = choice.func if isinstance(choice, ast.Call) else choice.value
    if not isinstance(function, ast.Name):
        return
    if isinstance(choice, ast.Subscript):
        where, table = _assigned(tree, module, function.id)
        values = table.values if isinstance(table, ast.Dict) else []
        yield from ((where, one.id) for one in values if isinstance(one, ast.Name))
        return
    found = _function(tree, module, function.id)
    for node in ast.walk(found[1]) if found else ():
        match node:
            case ast.Return(value=ast.Name(id=name)) | ast.Assign(value=ast.Name(id=name)):
                if found and name[:1].isupper():
                    yield found[0], name


def _assigned(
    tree: SourceTree, module: str, name: str, depth: int = _DEPTH
) -> tuple[str, ast.expr | None]:
    """Find what a name of a module stands for, through imports."""
    parsed = tree.module(module) if depth > 0 else None
    for node in parsed.body if parsed else ():
        match node:
            case ast.Assign(targets=[ast.Name(id=bound)], value=value) if bound == name:
                return module, value
            case ast.ImportFrom(names=aliases) if tree.absolute(module, node) != module:
                for alias in aliases:
                    if (alias.asname or alias.name) == name:
                        return _assigned(tree, tree.absolute(module, node), alias.name, depth - 1)
    return module, None


def _function(
    tree: SourceTree, module: str, name: str, depth: int = _DEPTH
) -> tuple[str, ast.FunctionDef] | None:
    """Find a function by the name that it has in a module, through imports."""
    parsed = tree.module(module) if depth > 0 else None
    for node in parsed.body if parsed else ():
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return module, node
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if (alias.asname or alias.name) == name and tree.absolute(module, node) != module:
                    return _function(tree, tree.absolute(module, node), alias.name, depth - 1)
    return None


def _given(function: ast.FunctionDef, call: ast.Call) -> dict[str, ast.expr]:
    names = [one.arg for one in function.args.args]
    if names[:1] == ["self"]:
        names = names[1:]
    return arguments_of(call, names)


def _local(function: ast.FunctionDef) -> dict[str, ast.expr]:
    """Map variables to what they are set to; the last one counts."""
    return {
        node.targets[0].id: node.value
        for node in ast.walk(function)
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }


class _Bound(ast.NodeTransformer):
    """Puts arguments in the place of parameters."""

    def __init__(self, given: Mapping[str, ast.expr]) -> None:
        self._given = given

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """Replace a parameter."""
        return self._given.get(node.id, node)
