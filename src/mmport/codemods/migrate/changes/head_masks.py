"""Layers of transformers' encoders take no mask of their heads any more."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from mmport.codemods.migrate.changes.layer_outputs import layer_loops
from mmport.codemods.migrate.codemod import Codemod, Edits
from mmport.codemods.migrate.editing import drop_items, with_comments_above
from mmport.codemods.migrate.reading import Reading
from mmport.usage.walking import walk

_MASK = "layer_head_mask"
_PLACE = 2
"""Behind hidden states and attention mask."""


def _apply(reading: Reading) -> Edits:
    edits = Edits()
    for item in reading.file.classes.values():
        for loop, layers in layer_loops(reading, item):
            for statement in loop.body:
                for call, mask in _masks(statement, layers):
                    drop_items(reading, [*call.args, *call.keywords], [mask], edits)
                    _drop_remark(reading, statement, edits)
    return edits


def _masks(
    statement: ast.stmt, layers: set[str]
) -> Iterator[tuple[ast.Call, ast.expr | ast.keyword]]:
    """Find the calls of layers that are given no mask of their heads, in so many words."""
    for node in walk(statement):
        match node:
            case ast.Call(func=ast.Name(id=name)) if name in layers:
                given: list[ast.expr | ast.keyword] = [*node.args[_PLACE:][:1], *node.keywords]
                for one in given:
                    value = one.value if isinstance(one, ast.keyword) else one
                    named = not isinstance(one, ast.keyword) or one.arg == _MASK
                    if named and isinstance(value, ast.Constant) and value.value is None:
                        yield node, one


def _drop_remark(reading: Reading, statement: ast.stmt, edits: Edits) -> None:
    """Take out what was said above about the argument."""
    start = reading.line_start(reading.span(statement)[0])
    above = with_comments_above(reading, start)
    if _MASK in reading.text[above:start]:
        edits.put(above, start, "")


CODEMOD = Codemod(
    id="layer-head-mask",
    summary=f"A layer of transformers is given no {_MASK}",
    since="0.19.0",
    instead="layer(hidden_states, attention_mask)",
    reference="transformers 5: the layers of its audio and vision encoders",
    risk="safe",
    apply=_apply,
)
