"""A list that a method fills in its loops, and what it says of what is in it."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from mmport.anatomy.classes import Method, ModelClass, names, own_attribute
from mmport.anatomy.submodels import built_by

_KNOWN = frozenset({"self", "len", "range"})


@dataclass(frozen=True, slots=True)
class _Appended:
    """A value that a loop appends, the tests around it, and the loop."""

    value: ast.expr
    tests: tuple[ast.expr, ...]
    target: ast.expr
    iterable: ast.expr


@dataclass(frozen=True, slots=True)
class Levels:
    """What a list is filled with, and the path of the module whose method fills it."""

    appended: tuple[_Appended, ...]
    path: str

    def places(self) -> str | None:
        """Write the indices that the list has; None where the source does not tell."""
        if len(self.appended) != 1:
            return None
        (one,) = self.appended
        match one.tests:
            case ():
                counted = one.iterable
            case (ast.Compare(left=ast.Name(), ops=[ast.In()], comparators=[counted]),):
                pass
            case _:
                return None
        return self._written(f"range(len({ast.unparse(counted)}))")

    def keys(self) -> str | None:
        """Write the first of each pair in the list; None where the source does not tell."""
        written = []
        for one in self.appended:
            match one.value:
                case ast.Tuple(elts=[key, _]) if not one.tests:
                    written.append(_comprehension(key, one.target, one.iterable))
                case _:
                    return None
        if len(written) == 1:
            return self._written(written[0])
        return self._written(f"[{', '.join(f'*{text}' for text in written)}]")

    def _written(self, text: str) -> str | None:
        tree = ast.parse(text, mode="eval").body
        bound = {
            name
            for node in ast.walk(tree)
            if isinstance(node, ast.comprehension)
            for name in names(node.target)
        }
        if names(tree) - bound - _KNOWN:
            return None
        return ast.unparse(_Placed(self.path).visit(tree))


def levels_of(
    model: ModelClass, method: Method, result: str, config: Mapping[str, Any], path: str = ""
) -> Levels | None:
    """Find what fills the list that a method gives under a name, in a module's own method too.

    Args:
        model: the class.
        method: one of its methods.
        result: the attribute of what it returns.
        config: of the class.
        path: where the module is, from the one that was first asked.
    """
    for statement in _statements(method.node.body):
        match statement:
            case ast.Return(value=ast.Call(func=ast.Name(), keywords=given)):
                for one in given:
                    if one.arg == result and isinstance(one.value, ast.Name):
                        found = tuple(_appended(method.node.body, one.value.id))
                        return Levels(found, path) if found else None
            case ast.Return(value=value) if value is not None:
                return _of_call(model, _called(method, value), result, config, path)
    return None


def _of_call(
    model: ModelClass, call: ast.Call | None, result: str, config: Mapping[str, Any], path: str
) -> Levels | None:
    """Follow a call of an own method, or of a module that the class builds."""
    name = own_attribute(call.func) if call is not None else None
    if name is None:
        return None
    method = model.method(name)
    if method is not None:
        return levels_of(model, method, result, config, path)
    inner = built_by(model, name, config)
    forward = inner.method("forward") if inner is not None else None
    if inner is None or forward is None:
        return None
    return levels_of(inner, forward, result, {}, f"{path}.{name}".lstrip("."))


def _called(method: Method, value: ast.expr) -> ast.Call | None:
    """Give the call that a returned value comes from, itself or by a variable."""
    if isinstance(value, ast.Call):
        return value
    for statement in _statements(method.node.body):
        match statement:
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=ast.Call() as call)
                | ast.AnnAssign(target=ast.Name(id=name), value=ast.Call() as call)
            ) if isinstance(value, ast.Name) and name == value.id:
                return call
    return None


def _statements(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    for one in body:
        yield one
        match one:
            case ast.If(body=inner, orelse=orelse):
                yield from _statements([*inner, *orelse])
            case ast.With(body=inner):
                yield from _statements(inner)


def _appended(
    body: Sequence[ast.stmt],
    name: str,
    loop: tuple[ast.expr, ast.expr] | None = None,
    tests: tuple[ast.expr, ...] = (),
) -> Iterator[_Appended]:
    for one in body:
        match one:
            case ast.For(target=target, iter=iterable, body=inner):
                yield from _appended(inner, name, (target, iterable), tests)
            case ast.If(test=test, body=inner, orelse=orelse):
                yield from _appended(inner, name, loop, (*tests, test))
                yield from _appended(orelse, name, loop, (*tests, test))
            case ast.Expr(
                value=ast.Call(
                    func=ast.Attribute(value=ast.Name(id=of), attr="append"), args=[value]
                )
            ) if of == name and loop is not None:
                yield _Appended(value, tests, *loop)


def _comprehension(key: ast.expr, target: ast.expr, iterable: ast.expr) -> str:
    """Write what a loop makes of each turn, without the loop's count where that is not used."""
    match target, iterable:
        case (
            ast.Tuple(elts=[ast.Name(id=index), inner]),
            ast.Call(func=ast.Name(id="enumerate"), args=[walked]),
        ) if index not in names(key):
            target, iterable = inner, walked
    if ast.unparse(key) == ast.unparse(target):
        return ast.unparse(iterable)
    used = _Unused(names(key)).visit(deepcopy(target))
    written = ast.unparse(used).removeprefix("(").removesuffix(")")
    return f"[{ast.unparse(key)} for {written} in {ast.unparse(iterable)}]"


class _Unused(ast.NodeTransformer):
    """Calls what is not used `_`."""

    def __init__(self, used: set[str]) -> None:
        self._used = used

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return node if node.id in self._used else ast.Name("_", node.ctx)


class _Placed(ast.NodeTransformer):
    """Has `self` stand for the module that was first asked."""

    def __init__(self, path: str) -> None:
        self._path = path

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id != "self" or not self._path:
            return node
        return ast.parse(f"self.{self._path}", mode="eval").body
