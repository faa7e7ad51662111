"""Which branches of a function run, as far as it depends on which arguments are given."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Sequence

_STARTS = (
    r"input_ids\.(shape\[(1|-1)\]|size\((1|-1)\)) (!= 1|> 1|>= 2)$",
    r"^cache_position\[0\](\.item\(\))? == 0$",
)
"""How models ask whether a prompt begins."""

Given = Callable[[str], bool | None]
"""Tells whether an argument is there; None where that is not known."""


def linear(body: Sequence[ast.stmt], given: Given) -> Iterator[ast.stmt]:
    """Give the statements that run, in order; what depends on anything else stays a branch."""
    for statement in body:
        if not isinstance(statement, ast.If):
            yield statement
            continue
        truth = holds(statement.test, given)
        if truth is None:
            yield statement
        else:
            yield from linear(statement.body if truth else statement.orelse, given)


def holds(test: ast.expr, given: Given) -> bool | None:
    """Decide a test of whether arguments are given; a test of anything else is None."""
    match test:
        case ast.Compare(
            left=left, ops=[ast.Is() | ast.IsNot() as op], comparators=[ast.Constant(value=None)]
        ):
            return _compared(left, isinstance(op, ast.IsNot), given)
        case ast.BoolOp(op=ast.And(), values=values):
            parts = [holds(value, given) for value in values]
            return False if False in parts else (True if True in parts else None)
        case ast.BoolOp(values=values):
            parts = [holds(value, given) for value in values]
            return True if True in parts else (None if None in parts else False)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            inner = holds(operand, given)
            return None if inner is None else not inner
        case ast.BinOp(op=ast.BitXor()):
            return False  # a complaint about arguments that exclude each other
        case ast.Compare() if _asks_for_start(test):
            return True
    return None


def _asks_for_start(test: ast.Compare) -> bool:
    """Tell whether a test asks if this is a whole prompt, and no later token."""
    text = ast.unparse(test)
    return any(re.search(pattern, text) for pattern in _STARTS)


def defaults(function: ast.FunctionDef) -> Iterator[tuple[str, ast.expr]]:
    """Give each parameter that has a default, and the default."""
    arguments = function.args
    positional = [*arguments.posonlyargs, *arguments.args]
    for one, default in zip(reversed(positional), reversed(arguments.defaults), strict=False):
        yield one.arg, default
    for one, value in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        if value is not None:
            yield one.arg, value


def _compared(left: ast.expr, wanted: bool, given: Given) -> bool | None:
    match left:
        case ast.Name(id=name):
            there = given(name)
            return None if there is None else there is wanted
        case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="get")):
            # What is kept by name is computed where it is not there, and then it is.
            return True if given(name) is False else None
    return None
