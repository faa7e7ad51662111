"""What HF's processor made comes by modality and item; the batch of it is a call away."""

from __future__ import annotations

import ast

from mmport.codemods.migrate.codemod import Codemod, Edits
from mmport.codemods.migrate.reading import Reading
from mmport.vllm_api.surface.stubs import FunctionNode

_METHODS = ("_get_prompt_updates", "_get_prompt_replacements")
_NEW = "out_mm_data"


def _apply(reading: Reading) -> Edits:
    edits = Edits()
    for item in reading.heirs("BaseMultiModalProcessor"):
        for name in _METHODS:
            method = item.methods.get(name)
            if method is not None and len(method.args.args) == 4:
                _batch(reading, method, method.args.args[3].arg, edits)
    return edits


def _batch(reading: Reading, method: FunctionNode, given: str, edits: Edits) -> None:
    """Take the batch out of the items first, and look everything up in that."""
    names = {part.id for part in ast.walk(method) if isinstance(part, ast.Name)}
    if _NEW in names or f"{given}.get_data" in reading.code(method):
        return
    kept = _passed_up(method, given)
    reads = [
        part
        for part in ast.walk(method)
        if isinstance(part, ast.Name) and part.id == given and id(part) not in kept
    ]
    if not reads or _knows_items(method, given):
        return
    for part in reads:
        edits.put(*reading.span(part), _NEW)
    first = method.body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
        first = method.body[1]
    start = reading.line_start(reading.span(first)[0])
    edits.put(start, start, f"{reading.indent(first)}{_NEW} = {given}.get_data()\n")


def _passed_up(method: FunctionNode, given: str) -> set[int]:
    """Find where the items are handed to the base's method, which wants them as they are."""
    found: set[int] = set()
    for part in ast.walk(method):
        if isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute):
            values = (*part.args, *(one.value for one in part.keywords))
            if part.func.attr in _METHODS:
                found |= {id(one) for one in values if getattr(one, "id", "") == given}
    return found


def _knows_items(method: FunctionNode, given: str) -> bool:
    """Tell a method that looks items up by modality already."""
    for part in ast.walk(method):
        match part:
            case ast.Subscript(
                value=ast.Name(id=name),
                slice=ast.Constant(value="image" | "video" | "audio"),
            ) if name == given:
                return True
    return False


CODEMOD = Codemod(
    id="kwargs-items",
    summary="The processed data is taken out of MultiModalKwargsItems as a batch",
    since="0.10.2",
    instead="out_mm_kwargs.get_data()",
    reference="MultiModalKwargsItems.get_data",
    risk="safe",
    apply=_apply,
)
