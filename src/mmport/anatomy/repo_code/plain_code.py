"""Follows plain Python on plain values: literals, arithmetic, dictionaries, branches.

A config class decides what its sizes and ids are by code of this kind. The code is
not run: it is read statement by statement, and what is not plain has no value.
"""

from __future__ import annotations

import ast
import copy
import operator
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

_MOST = 10**6
_DEPTH = 12
_STEPS = 50_000


class _Unknown:
    def __repr__(self) -> str:
        return "UNKNOWN"

    def __deepcopy__(self, memo: object) -> _Unknown:
        return self


UNKNOWN = _Unknown()
"""The value of what only running the code would tell."""

MADE_AS = "<class>"
"""The key under which a dictionary that stands for an object has its class's name."""


@dataclass(frozen=True, slots=True)
class Named:
    """Something that is known by its name alone: a class, a function, a module."""

    name: str


@dataclass(slots=True)
class Scope:
    """Names of a function, and the attributes of the object that is being made."""

    names: dict[str, Any]
    attributes: dict[str, Any]
    result: Any = None
    ended: bool = False


Call = Callable[[str, list[Any], dict[str, Any], Scope], Any]
"""Answers a call of something named: its name, arguments, and the scope of the call."""

_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}
_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Is: lambda a, b: a is b if a is None or b is None else a == b,
    ast.IsNot: lambda a, b: a is not b if a is None or b is None else a != b,
    ast.In: lambda a, b: a in b,
    ast.NotIn: lambda a, b: a not in b,
}
_UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.Not: operator.not_,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
}
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    function.__name__: function
    for function in (dict, list, tuple, int, float, bool, str, len, max, min, round, abs, sum)
} | {"copy.deepcopy": copy.deepcopy, "copy.copy": copy.copy, "deepcopy": copy.deepcopy}
_METHODS = {
    dict: ("get", "pop", "copy", "setdefault", "update"),
    list: ("copy", "append", "index"),
    str: ("lower", "upper", "strip", "startswith", "endswith"),
}
_KINDS = {kind.__name__: kind for kind in (dict, list, tuple, str, int, float, bool)}
_FAULTS = (TypeError, ValueError, KeyError, IndexError, ArithmeticError, AttributeError)


@dataclass(slots=True)
class Budget:
    """How far code is followed, all readers of a config together."""

    steps: int = _STEPS
    depth: int = _DEPTH


@dataclass(slots=True)
class Reader:
    """Reads functions, asking `call` about all that is not plain."""

    call: Call
    budget: Budget
    globals: Mapping[str, Any] = field(default_factory=dict)

    def run(self, function: ast.FunctionDef, scope: Scope) -> Any:
        """Follow a function to its end; give what it returns, if that is known."""
        if self.budget.depth <= 0:
            return UNKNOWN
        self.budget.depth -= 1
        self._block(function.body, scope)
        self.budget.depth += 1
        return scope.result

    def value(self, node: ast.expr | None, scope: Scope) -> Any:
        """Give the value of an expression, or UNKNOWN."""
        self.budget.steps -= 1
        if node is None or self.budget.steps < 0:
            return None if node is None else UNKNOWN
        try:
            return self._value(node, scope)
        except _FAULTS:
            return UNKNOWN

    def _value(self, node: ast.expr, scope: Scope) -> Any:
        match node:
            case ast.Constant():
                return node.value
            case ast.Name(id=name):
                return scope.names.get(name, self.globals.get(name, Named(name)))
            case ast.Attribute(value=ast.Name(id="self"), attr=name):
                return scope.attributes.get(name, UNKNOWN)
            case ast.Attribute():
                return self._attribute(node, scope)
            case ast.Dict():
                return self._dict(node, scope)
            case ast.List() | ast.Tuple():
                items = [self.value(item, scope) for item in node.elts]
                return items if isinstance(node, ast.List) else tuple(items)
            case ast.Subscript():
                return self._known(
                    operator.getitem, self.value(node.value, scope), self.value(node.slice, scope)
                )
            case ast.BinOp():
                left, right = self.value(node.left, scope), self.value(node.right, scope)
                return self._known(_bounded(_BINARY[type(node.op)]), left, right)
            case ast.UnaryOp():
                return self._known(_UNARY[type(node.op)], self.value(node.operand, scope))
            case ast.BoolOp():
                return self._either(node, scope)
            case ast.Compare(ops=[op], comparators=[right]):
                one, other = self.value(node.left, scope), self.value(right, scope)
                return self._known(_COMPARE[type(op)], one, other)
            case ast.IfExp():
                test = self.value(node.test, scope)
                chosen = node.body if test else node.orelse
                return UNKNOWN if _is_open(test) else self.value(chosen, scope)
            case ast.Call():
                return self._call(node, scope)
        return UNKNOWN

    def _attribute(self, node: ast.Attribute, scope: Scope) -> Any:
        """Look into a part, which is a dictionary here, or give a dotted name."""
        holder = self.value(node.value, scope)
        if isinstance(holder, dict):
            return holder.get(node.attr, UNKNOWN)
        return Named(f"{holder.name}.{node.attr}") if isinstance(holder, Named) else UNKNOWN

    def _dict(self, node: ast.Dict, scope: Scope) -> Any:
        made: dict[Any, Any] = {}
        for key, item in zip(node.keys, node.values, strict=True):
            value = self.value(item, scope)
            if key is not None:
                made[self.value(key, scope)] = value
            elif isinstance(value, dict):
                made.update(value)
            else:
                return UNKNOWN
        return made

    def _either(self, node: ast.BoolOp, scope: Scope) -> Any:
        value: Any = UNKNOWN
        for item in node.values:
            value = self.value(item, scope)
            if _is_open(value) or bool(value) == isinstance(node.op, ast.Or):
                return UNKNOWN if _is_open(value) else value
        return value

    def _known(self, function: Callable[..., Any], *values: Any) -> Any:
        return UNKNOWN if any(_is_open(value) for value in values) else function(*values)

    def _call(self, node: ast.Call, scope: Scope) -> Any:
        arguments, named = self._arguments(node, scope)
        match node.func:
            case ast.Name(id="isinstance"):
                return _is_instance(*arguments)
            case ast.Attribute(value=ast.Call(func=ast.Name(id="super")), attr=name):
                return self.call(f"super.{name}", arguments, named, scope)
            case ast.Attribute(value=ast.Name(id="self"), attr=name):
                return self.call(f"self.{name}", arguments, named, scope)
            case ast.Attribute(attr=name):
                holder = self.value(node.func.value, scope)
                methods = next(
                    (known for kind, known in _METHODS.items() if type(holder) is kind), ()
                )
                if name in methods:
                    return getattr(holder, name)(*arguments, **named)
        called = self.value(node.func, scope)
        if isinstance(node.func, ast.Subscript):  # `CONFIG_MAPPING[kind](**values)`
            table = self.value(node.func.value, scope)
            arguments = [self.value(node.func.slice, scope), *arguments]
            called = Named(f"{table.name}[]") if isinstance(table, Named) else UNKNOWN
        if not isinstance(called, Named):
            return UNKNOWN
        if called.name in _FUNCTIONS and not any(map(_is_open, [*arguments, *named.values()])):
            return _FUNCTIONS[called.name](*arguments, **named)
        return self.call(called.name, arguments, named, scope)

    def _arguments(self, node: ast.Call, scope: Scope) -> tuple[list[Any], dict[str, Any]]:
        arguments = [self.value(item, scope) for item in node.args]
        named: dict[str, Any] = {}
        for keyword in node.keywords:
            value = self.value(keyword.value, scope)
            if keyword.arg is not None:
                named[keyword.arg] = value
            elif isinstance(value, dict):
                named.update({str(key): item for key, item in value.items()})
        return arguments, named

    def _block(self, block: Iterable[ast.stmt], scope: Scope) -> None:
        for node in block:
            if scope.ended:
                return
            self._statement(node, scope)

    def _statement(self, node: ast.stmt, scope: Scope) -> None:
        match node:
            case ast.Assign():
                value = self.value(node.value, scope)
                for target in node.targets:
                    self._assign(target, value, scope)
            case ast.AnnAssign(value=ast.expr()):
                self._assign(node.target, self.value(node.value, scope), scope)
            case ast.AugAssign():
                whole = ast.BinOp(_loaded(node.target), node.op, node.value)
                self._assign(node.target, self.value(whole, scope), scope)
            case ast.If():
                self._branch(node, scope)
            case ast.Expr():
                self.value(node.value, scope)
            case ast.Return() | ast.Raise():
                known = isinstance(node, ast.Return)
                scope.result = self.value(node.value, scope) if known else UNKNOWN  # type: ignore[union-attr]
                scope.ended = True
            case ast.Try():
                self._block(node.body, scope)
            case ast.For() | ast.While() | ast.With():
                self._forget(node, scope)

    def _branch(self, node: ast.If, scope: Scope) -> None:
        """Take the branch that the test says; where it says nothing, what both agree on."""
        test = self.value(node.test, scope)
        if not _is_open(test):
            self._block(node.body if test else node.orelse, scope)
            return
        other = copy.deepcopy(scope)
        self._block(node.body, scope)
        self._block(node.orelse, other)
        for mine, theirs in ((scope.names, other.names), (scope.attributes, other.attributes)):
            for name in mine.keys() | theirs.keys():
                if mine.get(name, UNKNOWN) != theirs.get(name, UNKNOWN):
                    mine[name] = UNKNOWN
        scope.ended = scope.ended and other.ended
        scope.result = UNKNOWN

    def _assign(self, target: ast.expr, value: Any, scope: Scope) -> None:
        match target:
            case ast.Name(id=name):
                scope.names[name] = value
            case ast.Attribute(value=ast.Name(id="self"), attr=name):
                scope.attributes[name] = value
            case ast.Attribute(attr=name):
                holder = self.value(target.value, scope)
                if isinstance(holder, dict):
                    holder[name] = value
            case ast.Subscript():
                holder, key = self.value(target.value, scope), self.value(target.slice, scope)
                if isinstance(holder, dict) and isinstance(key, str):
                    holder[key] = value
            case ast.Tuple(elts=targets) | ast.List(elts=targets):
                known = isinstance(value, list | tuple) and len(value) == len(targets)
                for place, item in enumerate(targets):
                    self._assign(item, value[place] if known else UNKNOWN, scope)

    def _forget(self, node: ast.stmt, scope: Scope) -> None:
        """Lose what a loop may have changed."""
        for item in ast.walk(node):
            if isinstance(item, ast.Name | ast.Attribute | ast.Subscript) and isinstance(
                item.ctx, ast.Store
            ):
                self._assign(item, UNKNOWN, scope)


def _is_open(value: Any) -> bool:
    return value is UNKNOWN or isinstance(value, Named)


def _bounded(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Keep numbers and lists to a size that a config may have."""

    def apply(left: Any, right: Any) -> Any:
        numbers = [item for item in (left, right) if isinstance(item, int | float)]
        sized = [len(item) for item in (left, right) if hasattr(item, "__len__")]
        if any(abs(number) > 10**12 for number in numbers) or any(size > _MOST for size in sized):
            return UNKNOWN
        if function is operator.pow and abs(right) > 64:
            return UNKNOWN
        if function is operator.mul and sized and sized[0] * max(numbers, default=0) > _MOST:
            return UNKNOWN
        if function is operator.mod and isinstance(left, str):
            return UNKNOWN
        return function(left, right)

    return apply


def _is_instance(value: Any, kinds: Any) -> Any:
    """Tell whether a value is of plain types; a dictionary is of no class."""
    names = [
        kind.name
        for kind in (kinds if isinstance(kinds, tuple) else (kinds,))
        if isinstance(kind, Named)
    ]
    if value is UNKNOWN or not names:
        return UNKNOWN
    plain = tuple(_KINDS[name] for name in names if name in _KINDS)
    made_as = value.get(MADE_AS) if isinstance(value, dict) else None
    if made_as is not None:
        return any(
            name.rpartition(".")[2] in (made_as, "PretrainedConfig", "PreTrainedConfig")
            for name in names
        )
    return isinstance(value, plain)


def _loaded(target: ast.expr) -> ast.expr:
    read = copy.deepcopy(target)
    read.ctx = ast.Load()  # type: ignore[attr-defined]
    return read
