"""Placeholders beyond the vocabulary are vLLM's matter: `embed_input_ids` is not told."""

from __future__ import annotations

import ast

from mmport.codemods.migrate.codemod import Codemod, Edits
from mmport.codemods.migrate.editing import drop_items
from mmport.codemods.migrate.reading import Placed, Reading
from mmport.vllm_api.surface.stubs import FunctionNode

_NAME = "handle_oov_mm_token"
_METHODS = ("embed_input_ids", "_embed_text_input_ids")


def _apply(reading: Reading) -> Edits:
    edits = Edits()
    for item in reading.heirs("SupportsMultiModal"):
        for name in _METHODS:
            if name in item.methods:
                _without_parameter(reading, item.methods[name], edits)
    for call in reading.file.calls:
        if isinstance(call.func, ast.Attribute) and call.func.attr in _METHODS:
            gone = [one for one in call.keywords if one.arg == _NAME]
            items: list[Placed] = [*call.args, *call.keywords]
            drop_items(reading, items, gone, edits)
    return edits


def _without_parameter(reading: Reading, method: FunctionNode, edits: Edits) -> None:
    names = [one.arg for one in method.args.kwonlyargs]
    if _NAME not in names or _is_used(method):
        return
    place = names.index(_NAME)
    if place == 0 or place < len(names) - 1:
        return
    before, default = method.args.kw_defaults[place - 1], method.args.kw_defaults[place]
    last = method.args.kwonlyargs
    start = reading.span(before if before is not None else last[place - 1])[1]
    end = reading.span(default if default is not None else last[place])[1]
    edits.put(start, end, "")


def _is_used(method: FunctionNode) -> bool:
    """Tell whether it is asked for beyond being passed on."""
    passed = {
        id(one.value)
        for part in ast.walk(method)
        if isinstance(part, ast.Call)
        for one in part.keywords
        if one.arg == _NAME
    }
    return any(
        isinstance(part, ast.Name) and part.id == _NAME and id(part) not in passed
        for part in ast.walk(method)
    )


CODEMOD = Codemod(
    id="out-of-vocabulary",
    summary=f"embed_input_ids takes no {_NAME}",
    since="0.18.0",
    instead="nothing: vLLM masks ids beyond the vocabulary by itself",
    reference="SupportsMultiModal.configure_mm_token_handling",
    risk="safe",
    apply=_apply,
)
