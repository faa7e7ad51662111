"""Methods of vLLM's model classes that are functions now: their heirs call these."""

from __future__ import annotations

import ast

from mmport.codemods.migrate.codemod import Codemod, Edits
from mmport.codemods.migrate.reading import Reading
from mmport.usage.source import ModelClass
from mmport.usage.walking import walk
from mmport.vllm_api.changes import MethodFunction, changes


def _called(reading: Reading, change: MethodFunction) -> Edits:
    edits = Edits()
    for item in reading.file.classes.values():
        if _inherited(reading, item, change):
            for method in item.methods.values():
                for node in walk(method):
                    _call(reading, node, change, edits)
    return edits


def _inherited(reading: Reading, item: ModelClass, change: MethodFunction) -> bool:
    """Tell a class that had the method of vLLM's alone."""
    own = (item, *reading.local_parents(item))
    member = reading.before.inherited(item, change.name)
    return (
        member is not None
        and (member.owner.module, member.owner.name) == (change.module, change.owner)
        and not any(one.own(change.name) for one in own)
    )


def _call(reading: Reading, node: ast.AST, change: MethodFunction, edits: Edits) -> None:
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Name(id="self"), attr=name)):
            if name != change.name or any(isinstance(one, ast.Starred) for one in node.args):
                return
            edits.put(*reading.span(node.func), change.function)
            edits.need(change.home, change.function)
            named = dict(zip(change.parameters, change.instead, strict=True))
            for value, new in zip(node.args, change.instead, strict=False):
                start = reading.span(value)[0]
                edits.put(start, start, f"{new}=")
            for one in node.keywords:
                if one.arg in named:
                    start = reading.span(one)[0]
                    edits.put(start, start + len(one.arg), named[one.arg])


def _codemod(change: MethodFunction) -> Codemod:
    return Codemod(
        id=change.id,
        summary=f"{change.owner}.{change.name} is a function, {change.function}",
        since=change.since,
        instead=change.function,
        reference=f"{change.home}.{change.function}",
        risk="safe",
        apply=lambda reading: _called(reading, change),
    )


CODEMODS = tuple(map(_codemod, changes().method_function))
