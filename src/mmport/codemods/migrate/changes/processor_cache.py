"""A processor is made without a cache: each call is given one."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TypeGuard

from mmport.codemods.migrate.codemod import Codemod, Edits, Note
from mmport.codemods.migrate.editing import drop_items
from mmport.codemods.migrate.reading import Reading
from mmport.usage.walking import walk
from mmport.vllm_api.surface.stubs import FunctionNode

_NAME = "cache"
_MADE_OF = {"info", "dummy_inputs"}


def _apply(reading: Reading) -> Edits:
    edits = Edits()
    for function in _makers(reading.tree):
        _without_parameter(reading, function, edits)
        for part in walk(function):
            if isinstance(part, ast.Call):
                gone = [one for one in part.keywords if _is_passed(one)]
                if gone:
                    drop_items(reading, [*part.args, *part.keywords], gone, edits)
    return edits


def _bridge(reading: Reading) -> Edits:
    """Hand on what comes by name: the cache, or nothing."""
    edits = Edits()
    for function in _makers(reading.tree):
        names = [one.arg for one in function.args.kwonlyargs]
        passed = [part for part in walk(function) if _is_passed(part)]
        used = sum(isinstance(one, ast.Name) and one.id == _NAME for one in walk(function))
        if names != [_NAME] or function.args.kwarg or used != len(passed):
            scope = reading.scope(function)
            edits.notes.append(Note(scope, _ENTANGLED, "take **kwargs, and hand them on"))
            continue
        only, default = function.args.kwonlyargs[0], function.args.kw_defaults[0]
        star = reading.text.rindex("*", 0, reading.span(only)[0])
        edits.put(star, reading.span(default or only)[1], "**kwargs: Any")
        edits.need("typing", "Any")
        for one in passed:
            edits.put(*reading.span(one), "**kwargs")
    return edits


_ENTANGLED = "a processor is made with a cache before 0.31.0 and without one since"


def _is_passed(node: ast.AST) -> TypeGuard[ast.keyword]:
    return (
        isinstance(node, ast.keyword)
        and node.arg == _NAME
        and getattr(node.value, "id", "") == _NAME
    )


def _makers(tree: ast.Module) -> Iterator[FunctionNode]:
    """Find constructors of processors and functions that call one: known by what they take."""
    for node in walk(tree):
        if isinstance(node, FunctionNode):
            names = {one.arg for one in (*node.args.args, *node.args.kwonlyargs)}
            if names >= _MADE_OF | {_NAME}:
                yield node


def _without_parameter(reading: Reading, function: FunctionNode, edits: Edits) -> None:
    args = function.args
    if any(one.arg == _NAME for one in args.args):
        place = [one.arg for one in args.args].index(_NAME)
        if place == len(args.args) - 1:
            end = args.defaults[-1] if args.defaults else args.args[-1]
            edits.put(reading.span(args.args[place - 1])[1], reading.span(end)[1], "")
        return
    place = [one.arg for one in args.kwonlyargs].index(_NAME)
    default = args.kw_defaults[place]
    end_node = default if default is not None else args.kwonlyargs[place]
    if len(args.kwonlyargs) == 1:
        edits.put(reading.span(args.args[-1])[1], reading.span(end_node)[1], "")
    elif place < len(args.kwonlyargs) - 1:
        start = reading.span(args.kwonlyargs[place])[0]
        edits.put(start, reading.span(args.kwonlyargs[place + 1])[0], "")


CODEMOD = Codemod(
    id="processor-cache",
    summary="Processors are made without a cache",
    since="0.31.0",
    instead="nothing: ProcessorInputs has the cache",
    reference="BaseMultiModalProcessor.__init__",
    risk="safe",
    apply=_apply,
    serves="",
    bridge=_bridge,
)
