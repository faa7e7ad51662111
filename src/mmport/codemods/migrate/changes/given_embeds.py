"""Embeddings that a request brings are given as they are: one item, one matrix."""

from __future__ import annotations

import ast
import re

from mmport.codemods.migrate.codemod import Codemod, Edits
from mmport.codemods.migrate.reading import Reading
from mmport.usage.walking import walk

_EMBEDS = re.compile(r"_embeds$")


def _apply(reading: Reading) -> Edits:
    edits = Edits()
    for item in reading.heirs("SupportsMultiModal"):
        for node in walk(item.node):
            match node:
                case ast.If(test=test, body=[ast.Return(value=ast.List(elts=[one]) as listed)]):
                    if _is_data(one, _of_embeds(test)):
                        edits.put(*reading.span(listed), reading.code(one))
    return edits


def _of_embeds(test: ast.expr) -> str:
    """Name what a test tells to be embeddings: `x["type"] == "image_embeds"`."""
    match test:
        case ast.Compare(
            left=ast.Subscript(value=owner, slice=ast.Constant(value="type")),
            ops=[ast.Eq()],
            comparators=[ast.Constant(value=str(kind))],
        ) if _EMBEDS.search(kind):
            return ast.unparse(owner)
    return ""


def _is_data(node: ast.expr, owner: str) -> bool:
    match node:
        case ast.Subscript(value=value, slice=ast.Constant(value="data")):
            return bool(owner) and ast.unparse(value) == owner
    return False


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
