"""Experts are made by a function, and what maps their weights is one too."""

from __future__ import annotations

import ast

from mmport.codemods.migrate.changes.experts_class import MODULE, is_experts
from mmport.codemods.migrate.codemod import Codemod, Edits, Note
from mmport.codemods.migrate.reading import Reading

_METHOD, _FUNCTION = "make_expert_params_mapping", "fused_moe_make_expert_params_mapping"
_MODEL = "model"


def _mapping(reading: Reading) -> Edits:
    edits = Edits()
    for call in reading.file.calls:
        match call.func:
            case ast.Attribute(value=ast.Name(id=owner), attr=attr) if attr == _METHOD:
                if is_experts(reading, owner):
                    _as_function(reading, call, edits)
    return edits


def _as_function(reading: Reading, call: ast.Call, edits: Edits) -> None:
    takes = reading.before.called(reading.before.of(call.func))
    lacks = takes is not None and _MODEL not in takes.names
    if lacks and not _has_self(reading, call):
        what = f"{_FUNCTION} wants the model, which is not at hand here"
        edits.notes.append(Note(reading.scope(call), what, f"{_FUNCTION}(model, …)"))
        return
    edits.put(*reading.span(call.func), _FUNCTION)
    edits.need(MODULE, _FUNCTION)
    items: list[ast.expr | ast.keyword] = [*call.args, *call.keywords]
    if lacks and items:
        first = min(items, key=lambda one: (one.lineno, one.col_offset))
        start = reading.span(first)[0]
        broken = first.lineno > call.func.lineno
        edits.put(start, start, "self,\n" + " " * first.col_offset if broken else "self, ")


def _has_self(reading: Reading, call: ast.Call) -> bool:
    scope = reading.scope(call)
    item = reading.file.classes.get(scope[0]) if len(scope) == 2 else None
    method = item.methods[scope[1]] if item is not None else None
    return method is not None and [one.arg for one in method.args.args][:1] == ["self"]


CODEMOD = Codemod(
    id="expert-mapping",
    summary=f"{_METHOD} becomes {_FUNCTION}, which is given the model",
    since="0.24.0",
    instead=f"{_FUNCTION}(model, …)",
    reference=f"{MODULE}.{_FUNCTION}",
    risk="review",
    apply=_mapping,
)
