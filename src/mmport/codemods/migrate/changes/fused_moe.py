"""Experts are made by a function, and what maps their weights is one too."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from mmport.codemods.migrate.changes.experts_class import MODULE, is_experts
from mmport.codemods.migrate.codemod import Codemod, Edits, Note
from mmport.codemods.migrate.reading import Reading

_METHOD, _FUNCTION = "make_expert_params_mapping", "fused_moe_make_expert_params_mapping"
_OPTION, _WITHOUT_MODEL = "num_redundant_experts", 4
"""What may be given besides, and how many others there were before the model joined them."""


def _given_model(reading: Reading) -> Edits:
    """Give the model where a method's call is of the time when it was not asked for."""
    edits = Edits()
    for call in _calls(reading):
        if _lacks_model(call):
            if _has_self(reading, call):
                _put_model(reading, call, edits)
            else:
                what = f"{_METHOD} wants the model, which is not at hand here"
                edits.notes.append(Note(reading.scope(call), what, f"{_METHOD}(model, …)"))
    return edits


def _mapping(reading: Reading) -> Edits:
    edits = Edits()
    for call in _calls(reading):
        if not _lacks_model(call):
            edits.put(*reading.span(call.func), _FUNCTION)
            edits.need(MODULE, _FUNCTION)
    return edits


def _calls(reading: Reading) -> Iterator[ast.Call]:
    for call in reading.file.calls:
        match call.func:
            case ast.Attribute(value=ast.Name(id=owner), attr=attr) if attr == _METHOD:
                if is_experts(reading, owner):
                    yield call


def _lacks_model(call: ast.Call) -> bool:
    """Tell by what is given, a name first or too little, that the model is not among it."""
    match call.args:
        case [ast.Constant(value=str()), *_]:
            return True
    given = [one for one in call.keywords if one.arg != _OPTION]
    spread = any(isinstance(one, ast.Starred) for one in call.args)
    whole = not spread and all(one.arg for one in given)
    return whole and len(call.args) + len(given) == _WITHOUT_MODEL


def _put_model(reading: Reading, call: ast.Call, edits: Edits) -> None:
    items: list[ast.expr | ast.keyword] = [*call.args, *call.keywords]
    first = min(items, key=lambda one: (one.lineno, one.col_offset))
    start = reading.span(first)[0]
    broken = first.lineno > call.func.lineno
    edits.put(start, start, "self,\n" + " " * first.col_offset if broken else "self, ")


def _has_self(reading: Reading, call: ast.Call) -> bool:
    scope = reading.scope(call)
    item = reading.file.classes.get(scope[0]) if len(scope) == 2 else None
    method = item.methods[scope[1]] if item is not None else None
    return method is not None and [one.arg for one in method.args.args][:1] == ["self"]


CODEMODS = (
    Codemod(
        id="expert-mapping-model",
        summary=f"{_METHOD} is given the model",
        since="0.14.0",
        instead=f"{_METHOD}(model, …)",
        reference=f"{MODULE}.FusedMoE.{_METHOD}",
        risk="review",
        apply=_given_model,
    ),
    Codemod(
        id="expert-mapping",
        summary=f"{_METHOD} becomes {_FUNCTION}",
        since="0.24.0",
        instead=f"{_FUNCTION}(model, …)",
        reference=f"{MODULE}.{_FUNCTION}",
        risk="review",
        apply=_mapping,
    ),
)
