"""`get_input_embeddings` is `embed_input_ids`, and features go where a mask says."""

from __future__ import annotations

import ast

from mmport.codemods.migrate.codemod import Codemod, Edits
from mmport.codemods.migrate.editing import append_parameters, rename_definition
from mmport.codemods.migrate.reading import Reading
from mmport.usage.source import ModelClass
from mmport.usage.walking import walk
from mmport.vllm_api.surface.stubs import FunctionNode

_OLD, _NEW, _MASK = "get_input_embeddings", "embed_input_ids", "is_multimodal"
_OLD_MERGE, _MERGE = "merge_multimodal_embeddings", "_merge_multimodal_embeddings"
_UTILS = "vllm.model_executor.models.utils"


def _apply(reading: Reading) -> Edits:
    edits = Edits()
    multimodal = {one.name for one in reading.heirs("SupportsMultiModal")}
    for item in reading.file.classes.values():
        method = item.methods.get(_OLD)
        if method is not None and len(method.args.args) > 1 and not item.own(_NEW):
            rename_definition(reading, method, _NEW, edits)
            if item.name in multimodal:
                _with_mask(reading, method, edits)
    _calls(reading, edits)
    for item in (reading.file.classes[name] for name in multimodal):
        _merges(reading, item, edits)
    return edits


def _with_mask(reading: Reading, method: FunctionNode, edits: Edits) -> None:
    args = method.args
    if args.kwarg or any(one.arg == _MASK for one in (*args.args, *args.kwonlyargs)):
        return
    star = [] if args.kwonlyargs or args.vararg else ["*"]
    mask = f"{_MASK}: torch.Tensor | None = None"
    append_parameters(reading, method, [*star, mask], edits)


def _calls(reading: Reading, edits: Edits) -> None:
    """Rename calls that pass ids: HF's method of the same name takes none."""
    for call in reading.file.calls:
        named = isinstance(call.func, ast.Attribute) and call.func.attr == _OLD
        if named and (call.args or call.keywords):
            end = reading.span(call.func)[1]
            edits.put(end - len(_OLD), end, _NEW)
    functions = {id(call.func) for call in reading.file.calls}
    for node in reading.file.reads:
        # Handed on, to be called with ids.
        handed_on = node.attr == _OLD and id(node) not in functions
        if handed_on and "language_model" in ast.unparse(node):
            end = reading.span(node)[1]
            edits.put(end - len(_OLD), end, _NEW)


def _merges(reading: Reading, item: ModelClass, edits: Edits) -> None:
    for name, method in item.methods.items():
        for part in walk(method):
            match part:
                case ast.Call(func=ast.Name(id=called)) if called == _OLD_MERGE:
                    _merge(reading, part, edits, masked=name in (_OLD, _NEW))
                case ast.Call(func=ast.Name(id=called), args=[_, second, third]):
                    if called == _MERGE and _MASK in ast.unparse(second):
                        edits.put(*reading.span(second), reading.code(third))
                        edits.put(*reading.span(third), reading.code(second))


def _merge(reading: Reading, call: ast.Call, edits: Edits, *, masked: bool) -> None:
    order = ("input_ids", "inputs_embeds", "multimodal_embeddings", "placeholder_token_id")
    given: dict[str, ast.expr] = dict(zip(order, call.args, strict=False))
    given |= {one.arg: one.value for one in call.keywords if one.arg}
    if set(order) - set(given):
        return
    ids, embeds, features, token = (reading.code(given[key]) for key in order)
    if masked:
        mask = _MASK
    elif isinstance(given["placeholder_token_id"], ast.List):
        mask = f"torch.isin({ids}, torch.tensor({token}, device={ids}.device))"
    else:
        mask = f"{ids} == {token}"
    indent = reading.indent(_statement(reading, call))
    parts = [embeds, features, mask]
    text = f"{_MERGE}({', '.join(parts)})"
    if len(text) + len(indent) + 16 > 88:
        inner = f"\n{indent}    "
        text = f"{_MERGE}({''.join(f'{inner}{one},' for one in parts)}\n{indent})"
    edits.put(*reading.span(call), text)
    edits.need(_UTILS, _MERGE)


def _statement(reading: Reading, node: ast.expr) -> ast.stmt:
    found = [
        one
        for one in reading.nodes
        if isinstance(one, ast.stmt) and one.lineno <= node.lineno <= (one.end_lineno or 0)
    ]
    return min(found, key=lambda one: (one.end_lineno or 0) - one.lineno)


CODEMOD = Codemod(
    id="embed-input-ids",
    summary=f"{_OLD} becomes {_NEW}, and features are merged by the mask that it is given",
    since="0.11.1",
    instead=f"{_NEW}(input_ids, multimodal_embeddings, *, {_MASK})",
    reference="SupportsMultiModal.embed_input_ids",
    risk="review",
    apply=_apply,
    outlives="0.12.0",
)
