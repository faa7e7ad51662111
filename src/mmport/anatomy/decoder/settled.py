"""Expressions of a model's source worked out against its config, as far as they can be."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

_LARGEST = 2.0**53


class Unsettled:
    """The value of what depends on more than the config."""

    def __repr__(self) -> str:
        return "?"


UNSETTLED: Final = Unsettled()

_ARITHMETIC: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}
_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
    ast.In: lambda item, many: item in many,
    ast.NotIn: lambda item, many: item not in many,
}
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "bool": bool,
    "float": float,
    "int": int,
    "len": len,
    "math.sqrt": math.sqrt,
    "max": max,
    "min": min,
}


@dataclass(slots=True)
class ConfigView:
    """A config, or the attributes that it has, and what a class takes where it has none.

    `stand_ins` are the defaults of another config class; `borrowed` collects
    which of them were asked for.
    """

    config: Any
    stand_ins: Any = None
    borrowed: dict[str, Any] = field(default_factory=dict)

    def get(self, name: str) -> Any:
        """Read an attribute; UNSETTLED where there is none."""
        if name.startswith("_"):
            return UNSETTLED
        value = _read(self.config, name)
        if value is UNSETTLED and self.stand_ins is not None:
            value = _read(self.stand_ins, name)
            if value is not UNSETTLED:
                self.borrowed[name] = value
        return UNSETTLED if callable(value) else value

    def has(self, name: str) -> bool:
        """Tell whether the config itself has an attribute."""
        return _read(self.config, name) is not UNSETTLED


def _read(config: Any, name: str) -> Any:
    try:
        return getattr(config, name, UNSETTLED)
    except Exception:  # what differs by layer is refused in a way of the config's own
        return UNSETTLED


Scope = Mapping[str, Any]
"""Values by the names that code has for them: `config`, `self.head_dim`, `layer_idx`."""


def settle(node: ast.expr | None, scope: Scope) -> Any:
    """Work out an expression; UNSETTLED where it needs what is not known."""
    if node is None:
        return None
    try:
        return _settle(node, scope)
    except (TypeError, ValueError, ArithmeticError, LookupError):
        return UNSETTLED


def _settle(node: ast.expr, scope: Scope) -> Any:
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Name() | ast.Attribute():
            return _named(node, scope)
        case ast.BoolOp():
            return _bool(node, scope)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            value = settle(operand, scope)
            return UNSETTLED if value is UNSETTLED else not value
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            value = settle(operand, scope)
            return -value if _is_number(value) else UNSETTLED
        case ast.BinOp(left=left, op=op, right=right):
            return _arithmetic(type(op), settle(left, scope), settle(right, scope))
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            sides = settle(left, scope), settle(right, scope)
            return UNSETTLED if UNSETTLED in sides else _COMPARISONS[type(op)](*sides)
        case ast.IfExp(test=test, body=body, orelse=orelse):
            return _either(test, body, orelse, scope)
        case ast.Subscript(value=whole, slice=index):
            return _item(settle(whole, scope), settle(index, scope))
        case ast.List(elts=items) | ast.Tuple(elts=items):
            return [settle(item, scope) for item in items]
        case ast.Call():
            return _called(node, scope)
    return UNSETTLED


def _named(node: ast.Name | ast.Attribute, scope: Scope) -> Any:
    if (name := ast.unparse(node)) in scope:
        return scope[name]
    if isinstance(node, ast.Name):
        return UNSETTLED
    owner = _settle(node.value, scope)
    return owner.get(node.attr) if isinstance(owner, ConfigView) else UNSETTLED


def _bool(node: ast.BoolOp, scope: Scope) -> Any:
    """Work out `and` and `or`, where one side may be enough."""
    values = [settle(value, scope) for value in node.values]
    decides = isinstance(node.op, ast.Or)
    for value in values:
        if value is not UNSETTLED and bool(value) is decides:
            return value
        if value is UNSETTLED and decides:
            break
    if decides in [value for value in values if isinstance(value, bool)]:
        return decides
    return UNSETTLED if UNSETTLED in values else values[-1]


def _either(test: ast.expr, body: ast.expr, orelse: ast.expr, scope: Scope) -> Any:
    chosen = settle(test, scope)
    if chosen is not UNSETTLED:
        return settle(body if chosen else orelse, scope)
    both = settle(body, scope), settle(orelse, scope)
    return both[0] if both[0] == both[1] else UNSETTLED


def _item(whole: Any, index: Any) -> Any:
    if isinstance(whole, list | tuple) and index is UNSETTLED:
        return whole[0] if whole and all(item == whole[0] for item in whole) else UNSETTLED
    if isinstance(whole, list | tuple | dict) and index is not UNSETTLED:
        return whole[index]
    return UNSETTLED


def _called(node: ast.Call, scope: Scope) -> Any:
    name = ast.unparse(node.func)
    values = [settle(value, scope) for value in node.args]
    match name, node.args:
        case "getattr", [owner, ast.Constant(value=str(attribute)), *default]:
            view = settle(owner, scope)
            if not isinstance(view, ConfigView):
                return UNSETTLED
            if view.has(attribute) or not default:
                return view.get(attribute)
            return values[2]
        case "hasattr", [owner, ast.Constant(value=str(attribute))]:
            view = settle(owner, scope)
            return view.has(attribute) if isinstance(view, ConfigView) else UNSETTLED
    if name in _FUNCTIONS and UNSETTLED not in values and not node.keywords:
        return _FUNCTIONS[name](*values)
    return UNSETTLED


def _arithmetic(op: type[ast.operator], left: Any, right: Any) -> Any:
    """Compute with numbers of a size that configs have, so that no value can stall it."""
    if op not in _ARITHMETIC or not (_is_number(left) and _is_number(right)):
        return UNSETTLED
    if op is ast.Pow and abs(right) > 8:
        return UNSETTLED
    result = _ARITHMETIC[op](left, right)
    return result if _is_number(result) else UNSETTLED


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and abs(value) <= _LARGEST
