"""`load_weights` tells the names that it loaded."""

from __future__ import annotations

import ast

from mmport.codemods.migrate.codemod import Codemod, Edits
from mmport.codemods.migrate.editing import own_nodes
from mmport.codemods.migrate.reading import Reading
from mmport.vllm_api.surface.stubs import FunctionNode

_METHOD, _LOADER = "load_weights", "AutoWeightsLoader"


def _apply(reading: Reading) -> Edits:
    edits = Edits()
    for item in reading.file.classes.values():
        method = item.methods.get(_METHOD)
        if method is None or any(_gives(one) for one in own_nodes(method)):
            continue
        if _returned(reading, method, edits) and method.returns is None:
            at = reading.text.index(":", _close(reading, method))
            edits.put(at, at, " -> set[str]")
    return edits


def _gives(node: ast.AST) -> bool:
    return isinstance(node, ast.Return | ast.Yield | ast.YieldFrom)


def _returned(reading: Reading, method: FunctionNode, edits: Edits) -> bool:
    """Return what a loader of the base gives, where it is called once and always."""
    loaders = _loaders(method)
    for statement in method.body:
        match statement:
            case ast.Expr(value=ast.Call() as call) if _loads(call, loaders):
                if statement is method.body[-1]:
                    start = reading.span(statement)[0]
                    edits.put(start, start, "return ")
                    return True
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call() as call):
                if _loads(call, loaders):
                    end = reading.span(method.body[-1])[1]
                    edits.put(end, end, f"\n{reading.indent(statement)}return {name}")
                    return True
    return False


def _loaders(method: FunctionNode) -> set[str]:
    found: set[str] = set()
    for statement in method.body:
        match statement:
            case ast.Assign(
                targets=[ast.Name(id=name)], value=ast.Call(func=ast.Name(id=called))
            ) if called == _LOADER:
                found.add(name)
    return found


def _loads(call: ast.Call, loaders: set[str]) -> bool:
    match call.func:
        case ast.Attribute(value=ast.Name(id=name), attr=attr):
            return attr == _METHOD and name in loaders
        case ast.Attribute(value=ast.Call(func=ast.Name(id=name)), attr=attr):
            return attr == _METHOD and name == _LOADER
    return False


def _close(reading: Reading, method: FunctionNode) -> int:
    last = method.args.args[-1]
    return reading.text.index(")", reading.span(last)[1])


CODEMOD = Codemod(
    id="loaded-names",
    summary="load_weights returns the names that AutoWeightsLoader loaded",
    since="0.6.5",
    instead="return loader.load_weights(weights)",
    reference="AutoWeightsLoader.load_weights gives a set of names",
    risk="safe",
    apply=_apply,
)
