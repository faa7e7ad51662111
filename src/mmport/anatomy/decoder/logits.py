"""What a VLM's class does to its logits, said as vLLM's logits processor does it.

vLLM caps first and scales then; a class that scales first does the same with a
cap that is as much smaller.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from typing import Literal

from mmport.anatomy.classes import ModelClass, own_attribute
from mmport.model.logits import Logits

_LOGITS = "logits"
_CASTS = frozenset({"float", "to"})

Step = tuple[Literal["*", "/", "tanh"], str]
"""An operation and the setting that it is with, as an expression."""


class _UnreadError(Exception):
    """More than factors and a cap."""


def read_logits(owner: ModelClass) -> Logits | None:
    """Read what a class does to its logits; None where vLLM's processor cannot do it."""
    forward = owner.method("forward")
    if forward is None:
        return None
    reader = _Reader(owner)
    try:
        reader.block(forward.node.body)
        return _arguments(reader.steps, reader.optional)
    except _UnreadError:
        return None


class _Reader:
    def __init__(self, owner: ModelClass) -> None:
        self.settings = dict(owner.attributes())
        self.variables: dict[str, ast.expr] = {}
        self.steps: list[Step] = []
        self.optional: set[str] = set()
        """Settings whose steps are taken only if they are there."""

    def block(self, body: Iterable[ast.stmt]) -> None:
        for node in body:
            match node:
                case ast.Assign(targets=[ast.Name(id=name)], value=value) if name == _LOGITS:
                    self.steps = self.chain(value)
                case ast.AugAssign(target=ast.Name(id=name), op=op, value=value) if name == _LOGITS:
                    self.steps.append((_sign(op), self.setting(value)))
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    self.variables[name] = value
                case ast.If(test=test, body=inner) if _writes(node):
                    before = len(self.steps)
                    self.optional.add(self.required(test))
                    self.block(inner)
                    if node.orelse or len(self.steps) < before:
                        raise _UnreadError
                case _ if _writes(node):
                    raise _UnreadError

    def chain(self, node: ast.expr) -> list[Step]:
        """Give the steps that lead from the head's output to an expression."""
        match node:
            case ast.Name(id=name) if name == _LOGITS:
                return list(self.steps)
            case ast.BinOp(left=left, op=ast.Mult() | ast.Div() as op, right=right):
                return [*self.chain(left), (_sign(op), self.setting(right))]
            case ast.Call(func=func) if own_attribute(func) is not None:
                return []
            case ast.Call(func=ast.Attribute(value=inner, attr=name)) if name in _CASTS:
                return self.chain(inner)
            case ast.Call(func=ast.Attribute(attr="tanh"), args=[inner], keywords=[]):
                return [*self.chain(inner), ("tanh", "")]
        raise _UnreadError

    def required(self, test: ast.expr) -> str:
        """Name the setting that a condition asks for."""
        match test:
            case ast.Compare(left=left, ops=[ast.IsNot()], comparators=[ast.Constant(value=None)]):
                if isinstance(left, ast.NamedExpr):
                    self.variables[left.target.id] = left.value
                    left = left.value
                return self.setting(left)
        raise _UnreadError

    def setting(self, node: ast.expr, depth: int = 3) -> str:
        """Write a setting as an expression over the config."""
        match node:
            case ast.Constant(value=int() | float() as value):
                return repr(value)
            case ast.Name(id=name) if name in self.variables and depth:
                return self.setting(self.variables[name], depth - 1)
            case ast.Attribute(attr=name, value=holder):
                own = own_attribute(node)
                if own in self.settings and own != "config" and depth:
                    return self.setting(self.settings[own], depth - 1)
                return f"{self.config(holder, depth)}.{name}"
        raise _UnreadError

    def config(self, node: ast.expr, depth: int) -> str:
        match node:
            case ast.Name(id="config"):
                return "config"
            case ast.Name(id=name) if name in self.variables and depth:
                return self.config(self.variables[name], depth - 1)
            case ast.Attribute(attr="config") if own_attribute(node) is not None:
                return "config"
            case ast.Call(func=ast.Attribute(value=holder, attr="get_text_config"), args=[]):
                return self.config(holder, depth) and "text_config"
            case ast.Attribute(attr=name, value=holder):
                above = self.config(holder, depth)
                return name if (above, name) == ("config", "text_config") else f"{above}.{name}"
        raise _UnreadError


def _arguments(steps: Sequence[Step], optional: set[str]) -> Logits:
    places = [place for place, (sign, _) in enumerate(steps) if sign == "tanh"]
    if not places:
        before, cap, after = list(steps), "", list[Step]()
    else:
        place = places[0]
        around = (*steps[max(0, place - 1) : place], *steps[place + 1 : place + 2])
        cap = around[0][1] if around else ""
        if len(places) > 1 or around != (("/", cap), ("*", cap)):
            raise _UnreadError
        before, after = list(steps[: place - 1]), list(steps[place + 2 :])
    # A cap that is not there is None for vLLM as well; a factor is not.
    if optional - {cap} or (optional and before):
        raise _UnreadError
    soft_cap = cap and cap + "".join(f" {_OTHER[sign]} {by}" for sign, by in before)
    return Logits(scale=_product([*before, *after]), soft_cap=soft_cap)


_OTHER = {"*": "/", "/": "*"}


def _product(steps: Sequence[Step]) -> str:
    factors = [by for sign, by in steps if sign == "*"]
    divisors = [f" / {by}" for sign, by in steps if sign == "/"]
    if not steps:
        return ""
    return " * ".join(factors or ["1"]) + "".join(divisors)


def _sign(op: ast.operator) -> Literal["*", "/"]:
    match op:
        case ast.Mult():
            return "*"
        case ast.Div():
            return "/"
    raise _UnreadError


def _writes(node: ast.stmt) -> bool:
    """Tell whether a statement sets logits, or a part of them."""
    return any(
        isinstance(part, ast.Name) and part.id == _LOGITS and isinstance(part.ctx, ast.Store)
        for part in ast.walk(node)
    ) or any(
        isinstance(part, ast.Subscript)
        and isinstance(part.ctx, ast.Store)
        and isinstance(part.value, ast.Name)
        and part.value.id == _LOGITS
        for part in ast.walk(node)
    )
