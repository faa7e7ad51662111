"""A function is called by place, and its parameters have changed places."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from mmport.gate.api.hit import Hit
from mmport.gate.api.view import View
from mmport.gate.rule import Group, Rule
from mmport.model.finding import Severity
from mmport.vllm_api.changes import OrderChange, changes
from mmport.vllm_api.surface.release import names_of
from mmport.vllm_api.surface.signatures import of_stub

RULE = Rule(
    "argument-order",
    "A function is called by place, and the release orders its parameters otherwise.",
    Severity.ERROR,
    "order the arguments as the release does, or name them",
    Group.API,
)


def check(view: View) -> Iterator[Hit]:
    """Find calls by place whose arguments are named as another release orders them."""
    for call in view.file.calls:
        found = view.of(call.func) if call.args else None
        for change in changes().order if found and found.known else ():
            if found and (found.module, found.name) == (change.module, change.name):
                yield from _swapped(view, call, change)


def _swapped(view: View, call: ast.Call, change: OrderChange) -> Iterator[Hit]:
    here = _order(view, change)
    other = change.was if here == change.now else change.now
    given = [_named(one) for one in call.args]
    if len(given) != len(here) or any(isinstance(one, ast.Starred) for one in call.args):
        return
    fits, fits_other = _agreement(given, here), _agreement(given, other)
    if fits_other > fits:
        fix = f"{change.name}({', '.join(f'{name}=…' for name in here)})"
        yield Hit(call, f"{change.name} takes {', '.join(here)}, in this order", fix)


def _order(view: View, change: OrderChange) -> tuple[str, ...]:
    stub = (names_of(view.names.version).module(change.module) or {}).get(change.name, "")
    read = of_stub(stub)
    return tuple(one.name for one in read.positional) if read else change.now


def _named(node: ast.expr) -> str:
    return ast.unparse(node).lower()


def _agreement(given: list[str], wanted: tuple[str, ...]) -> int:
    """Count the words that arguments share with the parameters that they stand for."""
    return sum(
        len(set(text.replace(".", "_").split("_")) & set(name.split("_")))
        for text, name in zip(given, wanted, strict=True)
    )
