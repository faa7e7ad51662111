"""Weights that HF's model has no use for: transformers 5 does not write them into checkpoints."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from mmport.codemods.migrate.codemod import Codemod, Edits, Note
from mmport.codemods.migrate.editing import block, drop_statements
from mmport.codemods.migrate.reading import Reading
from mmport.usage.walking import walk
from mmport.vllm_api.changes import AbsentWeight, changes
from mmport.vllm_api.surface.stubs import FunctionNode

_SIMPLE = (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Expr, ast.Return)


def _left_out(reading: Reading, change: AbsentWeight) -> Edits:
    edits = Edits()
    if change.architecture not in reading.file.classes:
        return edits
    made = [
        node for node in reading.nodes if isinstance(node, ast.Assign) and _makes(node, change.name)
    ]
    readers = {id(node): node for node in _readers(reading, change.name)}.values()
    loops = list(_loops(reading))
    if not made or not loops:
        return edits
    if not all(_alone(reading, node) for node in readers):
        message = f"{change.name} is not in checkpoints that transformers 5 wrote"
        fix = f"leave {change.name} out: {change.reason}"
        edits.notes.append(Note(reading.scope(made[0]), message, fix))
        return edits
    drop_statements(reading, made, edits)
    for node in readers:
        edits.put(*reading.span(node), f'raise NotImplementedError("{change.reason}")')
    for loop, name in loops:
        _skip(reading, loop, f'if "{change.name}" in {name}:\n    continue', edits)
    return edits


def _makes(node: ast.Assign, name: str) -> bool:
    """Tell `self.name = …`."""
    match node.targets:
        case [ast.Attribute(value=ast.Name(id="self"), attr=attr)]:
            return attr == name
    return False


def _readers(reading: Reading, name: str) -> Iterator[ast.stmt]:
    """Give the innermost statements that read it."""
    for node in reading.nodes:
        if isinstance(node, _SIMPLE) and any(_reads(one, name) for one in walk(node)):
            yield node


def _reads(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == name and isinstance(node.ctx, ast.Load)


def _alone(reading: Reading, statement: ast.stmt) -> bool:
    """Tell whether a statement is all that a branch does, so that the branch can be given up."""
    return any(
        branch == [statement]
        for node in reading.nodes
        if isinstance(node, ast.If)
        for branch in (node.body, node.orelse)
    )


def _loops(reading: Reading) -> Iterator[tuple[ast.For, str]]:
    """Give the loops over weights in what loads them, and what they call a weight's name."""
    for node in reading.nodes:
        if isinstance(node, FunctionNode) and node.name == "load_weights":
            for one in node.body:
                match one:
                    case ast.For(
                        target=ast.Tuple(elts=[ast.Name(id=name), ast.Name()]),
                        iter=ast.Name(id="weights"),
                    ):
                        yield one, name


def _skip(reading: Reading, loop: ast.For, code: str, edits: Edits) -> None:
    first = loop.body[0]
    place = reading.line_start(reading.span(first)[0])
    edits.put(place, place, f"{block(reading, first, code)}\n")


def _codemod(change: AbsentWeight) -> Codemod:
    return Codemod(
        id=change.id,
        summary=f"{change.name} is no weight of {change.architecture} any more",
        since=change.since,
        instead="nothing: checkpoints that have it are read without it",
        reference=change.reason,
        risk="review",
        apply=lambda reading: _left_out(reading, change),
    )


CODEMODS = tuple(map(_codemod, changes().absent_weight))
