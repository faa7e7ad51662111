"""Features that a language model takes in at its layers, and not only among its embeddings.

DeepStack (arXiv 2406.04334) adds features of the encoder's own layers to hidden
states at the placeholders, a level of them for each of some decoder layers.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mmport.anatomy.classes import Method, ModelClass, names, own_attribute
from mmport.anatomy.features.casts import uncast
from mmport.anatomy.features.flow import Flow, Merge, slice_before
from mmport.anatomy.features.folding import folded
from mmport.anatomy.features.levels import Levels, levels_of
from mmport.anatomy.submodels import built_by
from mmport.model.spec import Deepstack

_DEPTH = 2
"""How many methods deep the addition itself may be."""


def read_deepstack(
    model: ModelClass, flow: Flow, language_model: str, config: Mapping[str, Any]
) -> Deepstack | None:
    """Read which features a language model takes in at its layers.

    Args:
        model: the class that hands them on.
        flow: of its `forward`.
        language_model: the attribute that is given them.
        config: as given, defaults filled in.

    Returns:
        None where it is given anything else, or does something else with them.
    """
    given = _given(flow)
    decoder = built_by(model, language_model, config)
    forward = decoder.method("forward") if decoder is not None else None
    if decoder is None or forward is None:
        return None
    addition = _addition(decoder, forward, frozenset(flow.handed_beside))
    if addition is None or addition.levels not in given:
        return None
    levels = {
        (name, result): found
        for name, result in _results(flow, given[addition.levels])
        if (found := _levels(model, name, result, config)) is not None
    }
    layers = {one.keys() if addition.keyed else one.places() for one in levels.values()}
    if len(layers) != 1 or None in layers or not _zeroed(flow, {result for _, result in levels}):
        return None
    (written,) = layers
    return Deepstack(tuple(levels), written or "", addition.before, addition.keyed)


def embedded_merges(flow: Flow) -> list[Merge]:
    """Give the merges that the embeddings which a language model is handed come from."""
    given = _given(flow)
    if "inputs_embeds" not in given:
        return flow.merges
    whole = Merge(given["inputs_embeds"], frozenset(), flow.end)
    behind = {id(statement) for statement in slice_before(flow, whole)}
    return [one for one in flow.merges if id(flow.statements[one.before]) in behind]


def _given(flow: Flow) -> dict[str | None, ast.expr]:
    """What the language model is handed, by keyword."""
    return {one.arg: one.value for one in flow.handed.keywords} if flow.handed else {}


@dataclass(frozen=True, slots=True)
class _Addition:
    """What a decoder's loop does beside calling a layer.

    `levels` is the parameter that holds the features of all levels, by layer
    (`keyed`) or one for each of the first layers.
    """

    levels: str
    before: bool
    keyed: bool


def _addition(decoder: ModelClass, forward: Method, given: frozenset[str]) -> _Addition | None:
    """Find the one place where a decoder uses what it is given, in its loop over layers."""
    for loop in (node for node in ast.walk(forward.node) if isinstance(node, ast.For)):
        match loop.target:
            case ast.Tuple(elts=[ast.Name(id=index), ast.Name(id=layer)]):
                pass
            case _:
                continue
        called = [place for place, one in enumerate(loop.body) if _calls(one, layer)]
        using = [place for place, one in enumerate(loop.body) if names(one) & given]
        if len(called) != 1 or len(using) != 1:
            continue
        statement = loop.body[using[0]]
        elsewhere = _mentions(forward.node, given) - _mentions(statement, given)
        if elsewhere or not isinstance(statement, ast.If) or statement.orelse:
            return None
        told = _told(statement.test, index)
        if told is None or not _adds(decoder, statement.body, _DEPTH):
            return None
        levels, keyed = told
        return _Addition(levels, using[0] < called[0], keyed)
    return None


def _calls(node: ast.AST, name: str) -> bool:
    return any(
        isinstance(part, ast.Call) and isinstance(part.func, ast.Name) and part.func.id == name
        for part in ast.walk(node)
    )


def _mentions(node: ast.AST, given: frozenset[str]) -> set[int]:
    return {id(part) for part in ast.walk(node) if isinstance(part, ast.Name) and part.id in given}


def _told(test: ast.expr, index: str) -> tuple[str, bool] | None:
    """Name what holds the levels, and say whether by layer: by what is asked of a layer's index."""
    for part in ast.walk(test):
        match part:
            case ast.Compare(
                left=ast.Name(id=asked), ops=[ast.In()], comparators=[ast.Name(id=levels)]
            ) if asked == index:
                return levels, True
            case ast.Compare(
                left=ast.Name(id=asked),
                ops=[ast.In()],
                comparators=[
                    ast.Call(
                        func=ast.Name(id="range"),
                        args=[ast.Call(func=ast.Name(id="len"), args=[ast.Name(id=levels)])],
                    )
                ],
            ) if asked == index:
                return levels, False
            case ast.Compare(
                left=ast.Name(id=asked),
                ops=[ast.Lt()],
                comparators=[ast.Call(func=ast.Name(id="len"), args=[ast.Name(id=levels)])],
            ) if asked == index:
                return levels, False
    return None


def _adds(decoder: ModelClass, body: list[ast.stmt], depth: int) -> bool:
    """Tell whether statements add to what they change, and compute nothing else."""
    operations = [
        type(node.op)
        for one in body
        for node in ast.walk(one)
        if isinstance(node, ast.BinOp | ast.AugAssign)
    ]
    called = [
        method.node.body
        for one in body
        for node in ast.walk(one)
        if isinstance(node, ast.Call)
        and (method := decoder.method(own_attribute(node.func) or "")) is not None
    ]
    if called and depth:
        return not operations and all(_adds(decoder, one, depth - 1) for one in called)
    return operations == [ast.Add]


def _results(flow: Flow, levels: ast.expr) -> Iterator[tuple[str, str]]:
    """Pair methods with attributes of their results; those with the levels are among them."""
    whole = Merge(levels, frozenset(), flow.end)
    for statement in slice_before(flow, whole):
        place = next(at for at, one in enumerate(flow.statements) if one is statement)
        for node in ast.walk(statement):
            if isinstance(node, ast.Attribute) and own_attribute(node) is None:
                found = folded(node, slice_before(flow, Merge(node, frozenset(), place)))
                match found:
                    case ast.Attribute(value=ast.Call(func=function), attr=attr):
                        if name := own_attribute(function):
                            yield name, attr
                    case _:
                        continue


def _levels(model: ModelClass, name: str, result: str, config: Mapping[str, Any]) -> Levels | None:
    method = model.method(name)
    return levels_of(model, method, result, config) if method else None


def _zeroed(flow: Flow, results: set[str]) -> bool:
    """Where no others are scattered over the text, its embeddings must be zero there."""
    for merge in embedded_merges(flow):
        base = uncast(merge.expression)
        if isinstance(base, ast.Attribute) and base.attr in results:
            statement = flow.statements[merge.before]
            if not any(_fills_with_zeros(node) for node in ast.walk(statement)):
                return False
    return True


def _fills_with_zeros(node: ast.AST) -> bool:
    match node:
        case ast.Call(func=ast.Attribute(attr="masked_fill"), args=[_, ast.Constant(value=value)]):
            return value == 0
    return False
