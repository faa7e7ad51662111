"""What a function's parameters are given, by a call or by default."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator


def arguments_of(call: ast.Call, names: Iterable[str]) -> dict[str, ast.expr]:
    """Pair the names of parameters, in order, with what a call gives them."""
    positional = zip(names, call.args, strict=False)
    named = ((one.arg, one.value) for one in call.keywords if one.arg)
    return dict((*positional, *named))


def defaults(function: ast.FunctionDef) -> Iterator[tuple[str, ast.expr]]:
    """Give each parameter that has a default, and the default."""
    arguments = function.args
    positional = [*arguments.posonlyargs, *arguments.args]
    for one, default in zip(reversed(positional), reversed(arguments.defaults), strict=False):
        yield one.arg, default
    for one, value in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        if value is not None:
            yield one.arg, value
