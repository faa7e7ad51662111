"""Media come without the dimension of requests: there is nothing to flatten."""

from __future__ import annotations

import ast

from mmport.codemods.migrate.codemod import Codemod, Edits
from mmport.codemods.migrate.editing import drop_statements
from mmport.codemods.migrate.reading import Reading
from mmport.usage.source import ModelClass

_FLAG, _FLATTEN = "merge_by_field_config", "flatten_bn"


def _apply(reading: Reading) -> Edits:
    edits = Edits()
    for item in reading.heirs("SupportsMultiModal"):
        if _is_set(reading, item):
            flag = item.attributes.get(_FLAG)
            if flag is not None and flag in item.node.body and len(item.node.body) > 1:
                drop_statements(reading, [flag], edits)
            continue
        for method in item.methods.values():
            for part in ast.walk(method):
                match part:
                    case ast.Call(func=ast.Name(id=name), args=[value]) if name == _FLATTEN:
                        edits.put(*reading.span(part), reading.code(_innermost(value)))
    return edits


def _innermost(value: ast.expr) -> ast.expr:
    match value:
        case ast.Call(func=ast.Name(id=name), args=[inner]) if name == _FLATTEN:
            return _innermost(inner)
    return value


def _is_set(reading: Reading, item: ModelClass) -> bool:
    own = (item, *reading.local_parents(item))
    set_here = [one.attributes[_FLAG] for one in own if _FLAG in one.attributes]
    return any("True" in ast.unparse(one) for one in set_here)


CODEMOD = Codemod(
    id="forced-batching",
    summary=f"Media come batched by their fields: no {_FLATTEN}, no {_FLAG}",
    since="0.13.0",
    instead="the tensors as they come",
    reference="MultiModalFieldConfig",
    risk="review",
    apply=_apply,
)
