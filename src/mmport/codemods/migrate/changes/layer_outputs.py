"""Layers of transformers' encoders give their hidden states alone, which came in a tuple before."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from mmport.codemods.migrate.codemod import Codemod, Edits
from mmport.codemods.migrate.reading import Reading
from mmport.usage.source import ModelClass
from mmport.usage.walking import walk

_LIBRARY = "transformers"


def _apply(reading: Reading) -> Edits:
    edits = Edits()
    for item in reading.file.classes.values():
        for loop, layers in layer_loops(reading, item):
            for name, first in _firsts(loop, layers):
                code = f"{name}[0] if isinstance({name}, tuple) else {name}"
                edits.put(*reading.span(first), code)
    return edits


def layer_loops(reading: Reading, item: ModelClass) -> Iterator[tuple[ast.For, set[str]]]:
    """Find the loops over an encoder's layers that transformers' class made, and their names."""
    if _inherits_library(reading, item):
        for method in item.methods.values():
            for loop in walk(method):
                if isinstance(loop, ast.For) and "self." in ast.unparse(loop.iter):
                    yield loop, {one.id for one in walk(loop.target) if isinstance(one, ast.Name)}


def _inherits_library(reading: Reading, item: ModelClass) -> bool:
    bases = (reading.file.imported(one.id) for one in item.node.bases if isinstance(one, ast.Name))
    return any(one is not None and one.module.split(".")[0] == _LIBRARY for one in bases)


def _firsts(loop: ast.For, layers: set[str]) -> Iterator[tuple[str, ast.expr]]:
    """Find `x = outputs[0]` below `outputs = layer(…)`."""
    outputs = {name for node in loop.body for name in _set_by(node, layers)}
    for node in loop.body:
        match node:
            case ast.Assign(
                value=ast.Subscript(value=ast.Name(id=name), slice=ast.Constant(value=0))
            ) if name in outputs:
                yield name, node.value


def _set_by(node: ast.stmt, layers: set[str]) -> Iterator[str]:
    match node:
        case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call(func=ast.Name(id=layer))):
            if layer in layers:
                yield name


CODEMOD = Codemod(
    id="layer-outputs",
    summary="What a layer of transformers gives is taken as it is, or out of its tuple",
    since="0.19.0",
    instead="outputs[0] if isinstance(outputs, tuple) else outputs",
    reference="transformers 5: the layers of its audio and vision encoders",
    risk="safe",
    apply=_apply,
    serves="",
)
