"""Embeddings that a request brings are given as they are: one item, one matrix."""

from __future__ import annotations

import ast

from mmport.codemods.migrate.codemod import Codemod, Edits
from mmport.codemods.migrate.reading import Reading
from mmport.usage.walking import walk

_GIVEN = "_embeds"


def _apply(reading: Reading) -> Edits:
    edits = Edits()
    for item in reading.heirs("SupportsMultiModal"):
        for node in walk(item.node):
            match node:
                case ast.If(
                    test=ast.Compare(
                        left=kind, ops=[ast.Eq()], comparators=[ast.Constant(value=str(said))]
                    ),
                    body=[ast.Return(value=ast.List(elts=[held]) as made)],
                ) if said.endswith(_GIVEN) and _owner(held) == _owner(kind) != "":
                    edits.put(*reading.span(made), reading.code(held))
    return edits


def _owner(node: ast.expr) -> str:
    """Name what an item or attribute is of."""
    match node:
        case ast.Subscript(value=value) | ast.Attribute(value=value):
            return ast.unparse(value)
    return ""


CODEMOD = Codemod(
    id="given-embeds",
    summary="Embeddings that come with a request are returned without a list around them",
    since="0.12.0",
    instead='x["data"], of which each item is a matrix',
    reference="vllm.v1.worker.utils.sanity_check_mm_encoder_outputs",
    risk="safe",
    apply=_apply,
    serves="",
)
