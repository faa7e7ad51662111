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

_GIVEN = "_embeds"
"""How the names of features end that a user gives, and that no processor makes."""


def _apply(reading: Reading) -> Edits:
    edits = Edits()
    for item in reading.heirs("SupportsMultiModal"):
        if not _is_set(reading, item):
            one_by_one = _comes_one_by_one(reading, item)
            for method in item.methods.values():
                _without(reading, method, edits, one_by_one=one_by_one)
                if not one_by_one:
                    _unjoined(reading, method, edits)
    return edits


def _comes_one_by_one(reading: Reading, item: ModelClass) -> bool:
    """Tell whether HF's processor is called for each item: its batch of one stays."""
    for decorator in item.node.decorator_list:
        match decorator:
            case ast.Call(args=[ast.Name(id=name), *_]) if name in reading.file.classes:
                call = reading.file.classes[name].methods.get("_call_hf_processor")
                return call is not None and any(
                    isinstance(part, ast.ListComp) and _is_data(part.generators[0].iter, call)
                    for part in ast.walk(call)
                )
    return False


def _is_data(node: ast.expr, call: FunctionNode) -> bool:
    """Tell an item of what a processor is given first."""
    match node:
        case ast.Subscript(value=ast.Name(id=name)):
            return [one.arg for one in call.args.args][1:2] == [name]
    return False


def _bridge(reading: Reading) -> Edits:
    """Ask the releases that have a choice for what the others do."""
    edits = _apply(reading)
    for item in reading.heirs("SupportsMultiModal"):
        if not _is_set(reading, item) and f"{_FLATTEN}(" in reading.code(item.node):
            flag = f"# Before 0.13.0, it is a matter of choice.\n{_FLAG} = True"
            put_method(reading, item, flag, edits, before=first_method(item))
    return edits


def _without(reading: Reading, method: FunctionNode, edits: Edits, *, one_by_one: bool) -> None:
    known = {id(one.orelse) for one in ast.walk(method) if isinstance(one, ast.IfExp)}
    for part in ast.walk(method):
        match part:
            case ast.Call(func=ast.Name(id=name), args=[value]) if name == _FLATTEN:
                code = reading.code(_innermost(value))
                if id(part) not in known and not (one_by_one and not code.endswith(_GIVEN)):
                    joined = f"{_FLATTEN}({code}, concat=True)"
                    if _concatenates(part):
                        # Items of different sizes come as a list, and are still to be joined.
                        code = f"({code} if isinstance({code}, torch.Tensor) else {joined})"
                        edits.imports.append(Imported("torch", "", "torch"))
                    edits.put(*reading.span(part), code)


def _unjoined(reading: Reading, method: FunctionNode, edits: Edits) -> None:
    """Take a tensor as it is where its first dimension was taken off, whatever it has of them."""
    for part in ast.walk(method):
        match part:
            case ast.If(
                test=ast.Call(func=ast.Name(id="isinstance"), args=[ast.Name(id=tested), kind]),
                body=[
                    ast.Return(
                        value=ast.Call(
                            func=ast.Attribute(value=ast.Name(id="torch"), attr="cat" | "concat"),
                            args=[ast.Call(func=ast.Name(id="list"), args=[ast.Name(id=name)])],
                            keywords=[],
                        ) as joined
                    )
                ],
            ) if name == tested and ast.unparse(kind) == "torch.Tensor":
                edits.put(*reading.span(joined), name)


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
