"""Media come without the dimension of requests: there is nothing to flatten."""

from __future__ import annotations

import ast

from mmport.codemods.imports import Imported
from mmport.codemods.migrate.codemod import Codemod, Edits
from mmport.codemods.migrate.editing import first_method, put_method
from mmport.codemods.migrate.reading import Reading
from mmport.usage.source import ModelClass
from mmport.vllm_api.surface.stubs import FunctionNode

_FLAG, _FLATTEN = "merge_by_field_config", "flatten_bn"


def _apply(reading: Reading) -> Edits:
    edits = Edits()
    for item in reading.heirs("SupportsMultiModal"):
        if not _is_set(reading, item):
            for method in item.methods.values():
                _without(reading, method, edits)
    return edits


def _bridge(reading: Reading) -> Edits:
    """Ask the releases that have a choice for what the others do."""
    edits = _apply(reading)
    for item in reading.heirs("SupportsMultiModal"):
        if not _is_set(reading, item) and f"{_FLATTEN}(" in reading.code(item.node):
            flag = f"# Before 0.13.0, it is a matter of choice.\n{_FLAG} = True"
            put_method(reading, item, flag, edits, before=first_method(item))
    return edits


def _without(reading: Reading, method: FunctionNode, edits: Edits) -> None:
    known = {id(one.orelse) for one in ast.walk(method) if isinstance(one, ast.IfExp)}
    for part in ast.walk(method):
        match part:
            case ast.Call(func=ast.Name(id=name), args=[value]) if name == _FLATTEN:
                if id(part) not in known:
                    code = reading.code(_innermost(value))
                    joined = f"{_FLATTEN}({code}, concat=True)"
                    if _concatenates(part):
                        # Items of different sizes come as a list, and are still to be joined.
                        code = f"({code} if isinstance({code}, torch.Tensor) else {joined})"
                        edits.imports.append(Imported("torch", "", "torch"))
                    edits.put(*reading.span(part), code)


def _concatenates(call: ast.Call) -> bool:
    return any(one.arg == "concat" and ast.unparse(one.value) == "True" for one in call.keywords)


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
    summary=f"Media come batched by their fields: {_FLATTEN} has nothing to do",
    since="0.13.0",
    instead="the tensors as they come",
    reference="MultiModalFieldConfig",
    risk="review",
    apply=_apply,
    serves="0.11.0",
    bridge=_bridge,
)
