"""Which branches of a function run, as far as it depends on which arguments are given."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from mmport.anatomy.features.bindings import assigned_names

_STARTS = (
    r"input_ids\.(shape\[(1|-1)\]|size\((1|-1)\)) (!= 1|> 1|>= 2)$",
    r"^cache_position\[0\](\.item\(\))? == 0$",
)
"""How models ask whether a prompt begins."""

_COMPILING = frozenset({"is_torchdynamo_compiling", "is_compiling", "is_dynamo_compiling"})
"""How they ask whether they are compiled: then they take the path that depends on no
values, which is the one that leaves out what older callers need."""

Given = Callable[[str], bool | None]
"""Tells whether an argument is there; None where that is not known."""


def linear(
    body: Sequence[ast.stmt], given: Given, known: dict[str, bool] | None = None
) -> Iterator[ast.stmt]:
    """Give the statements that run, in order; what depends on anything else stays a branch.

    What is tried runs, and nothing that is done where it fails.

    Args:
        body: the statements.
        given: tells which arguments are there.
        known: variables of which that is known as well, or whether they hold.
    """
    known = {} if known is None else known
    there = _with_variables(given, known)
    for statement in body:
        match statement:
            case ast.If(test=test) if (truth := holds(test, there)) is not None:
                yield from linear(statement.body if truth else statement.orelse, given, known)
            case ast.Try(body=tried, orelse=orelse, finalbody=finalbody):
                yield from linear([*tried, *orelse, *finalbody], given, known)
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                yield _note(statement, name, value, there, known)
            case _:
                for name in assigned_names(statement):
                    known.pop(name, None)
                yield statement


def _with_variables(given: Given, known: Mapping[str, bool]) -> Given:
    return lambda name: known[name] if name in known else given(name)


def _note(
    statement: ast.Assign, name: str, value: ast.expr, there: Given, known: dict[str, bool]
) -> ast.Assign:
    """Note what a variable is set to; where a test chooses that, the choice takes its place."""
    chosen = holds(value.test, there) if isinstance(value, ast.IfExp) else None
    if isinstance(value, ast.IfExp) and chosen is not None and there(name) is None:
        value = value.body if chosen else value.orelse
        statement = ast.copy_location(ast.Assign(statement.targets, value), statement)
    found = holds(value, there)
    if found is None and any(
        isinstance(part, ast.Name) and part.id != "input_ids" and there(part.id)
        for part in ast.walk(value)
    ):
        found = None if isinstance(value, ast.Compare | ast.BoolOp | ast.UnaryOp) else True
    if isinstance(value, ast.Constant) and value.value is None:
        found = False
    if found is None:
        known.pop(name, None)
    else:
        known[name] = found
    return statement


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
        case ast.Name(id=name):
            return given(name)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            inner = holds(operand, given)
            return None if inner is None else not inner
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)) if name in _COMPILING:
            return True
        case ast.BinOp(op=ast.BitXor()):
            return False  # a complaint about arguments that exclude each other
        case ast.Compare() if _asks_for_start(test):
            return True
    return None


def _asks_for_start(test: ast.Compare) -> bool:
    """Tell whether a test asks if this is a whole prompt, and no later token."""
    text = ast.unparse(test)
    return any(re.search(pattern, text) for pattern in _STARTS)


def _compared(left: ast.expr, wanted: bool, given: Given) -> bool | None:
    match left:
        case ast.Name(id=name):
            there = given(name)
            return None if there is None else there is wanted
        case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="get")):
            # What is kept by name is computed where it is not there, and then it is.
            return True if given(name) is False else None
    return None
