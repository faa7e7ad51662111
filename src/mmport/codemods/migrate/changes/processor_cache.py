"""A processor is made without a cache, which each call is given, and without a choice of checks."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TypeGuard

from mmport.codemods.migrate.codemod import Codemod, Edits, Note
from mmport.codemods.migrate.editing import drop_items
from mmport.codemods.migrate.reading import Reading
from mmport.usage.walking import walk
from mmport.vllm_api.surface.stubs import FunctionNode

_CACHE, _CHECKS = "cache", "enable_sanity_checks"
_MADE_OF = {"info", "dummy_inputs"}


def _without(reading: Reading, name: str) -> Edits:
    edits = Edits()
    for function in _makers(reading.tree, name):
        _without_parameter(reading, function, name, edits)
        for part in walk(function):
            if isinstance(part, ast.Call):
                gone = [one for one in part.keywords if _is_passed(one, name)]
                if gone:
                    drop_items(reading, [*part.args, *part.keywords], gone, edits)
    return edits


def _bridge(reading: Reading) -> Edits:
    """Hand on what comes by name: the cache, or nothing."""
    edits = Edits()
    for function in _makers(reading.tree, _CACHE):
        names = [one.arg for one in function.args.kwonlyargs]
        passed = [part for part in walk(function) if _is_passed(part, _CACHE)]
        used = sum(isinstance(one, ast.Name) and one.id == _CACHE for one in walk(function))
        if names != [_CACHE] or function.args.kwarg or used != len(passed):
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


def _is_passed(node: ast.AST, name: str) -> TypeGuard[ast.keyword]:
    return (
        isinstance(node, ast.keyword) and node.arg == name and getattr(node.value, "id", "") == name
    )


def _makers(tree: ast.Module, name: str) -> Iterator[FunctionNode]:
    """Find constructors of processors and functions that call one: known by what they take."""
    for node in walk(tree):
        if isinstance(node, FunctionNode):
            names = {one.arg for one in (*node.args.args, *node.args.kwonlyargs)}
            if names >= _MADE_OF | {name}:
                yield node


def _without_parameter(reading: Reading, function: FunctionNode, name: str, edits: Edits) -> None:
    args = function.args
    if any(one.arg == name for one in args.args):
        place = [one.arg for one in args.args].index(name)
        if place == len(args.args) - 1:
            end = args.defaults[-1] if args.defaults else args.args[-1]
            edits.put(reading.span(args.args[place - 1])[1], reading.span(end)[1], "")
        return
    place = [one.arg for one in args.kwonlyargs].index(name)
    ends = [default or one for one, default in zip(args.kwonlyargs, args.kw_defaults, strict=True)]
    if len(ends) == 1:
        edits.put(reading.span(args.args[-1])[1], reading.span(ends[0])[1], "")
    elif place < len(ends) - 1:
        start = reading.span(args.kwonlyargs[place])[0]
        edits.put(start, reading.span(args.kwonlyargs[place + 1])[0], "")
    else:
        edits.put(reading.span(ends[place - 1])[1], reading.span(ends[place])[1], "")


CACHE = Codemod(
    id="processor-cache",
    summary="Processors are made without a cache",
    since="0.31.0",
    instead="nothing: ProcessorInputs has the cache",
    reference="BaseMultiModalProcessor.__init__",
    risk="safe",
    apply=lambda reading: _without(reading, _CACHE),
    serves="",
    bridge=_bridge,
)

CHECKS = Codemod(
    id="sanity-checks",
    summary="Processors are made without a choice of checks",
    since="0.9.0",
    instead="nothing",
    reference="BaseMultiModalProcessor.__init__",
    risk="safe",
    apply=lambda reading: _without(reading, _CHECKS),
    serves="",
)
