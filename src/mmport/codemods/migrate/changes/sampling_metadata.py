"""`compute_logits` takes hidden states alone."""

from __future__ import annotations

import ast

from mmport.codemods.migrate.codemod import Codemod, Edits, Note
from mmport.codemods.migrate.editing import drop_items
from mmport.codemods.migrate.reading import Placed, Reading
from mmport.vllm_api.surface.stubs import FunctionNode

_NAME = "sampling_metadata"


def _apply(reading: Reading) -> Edits:
    edits = Edits()
    for item in reading.file.classes.values():
        for name, method in item.methods.items():
            if name == "compute_logits":
                _without(reading, method, edits)
    return edits


def _without(reading: Reading, method: FunctionNode, edits: Edits) -> None:
    arguments = method.args.args
    gone = [one for one in arguments if one.arg == _NAME]
    if not gone:
        return
    drop_items(reading, arguments, gone, edits)
    for part in ast.walk(method):
        if isinstance(part, ast.Call):
            given: list[Placed] = [*part.args, *part.keywords]
            drop = [
                one
                for one in given
                if getattr(one.value if isinstance(one, ast.keyword) else one, "id", "") == _NAME
            ]
            if drop:
                drop_items(reading, given, drop, edits)


def _bridge(reading: Reading) -> Edits:
    """Pass on whatever comes behind the hidden states: the metadata, or nothing."""
    edits = Edits()
    for item in reading.file.classes.values():
        method = item.methods.get("compute_logits")
        last = method.args.args[-1] if method else None
        if method is None or last is None or last.arg != _NAME or method.args.vararg:
            continue
        uses = _uses(method)
        if uses is None:
            message = "sampling_metadata is used for more than to be passed on"
            edits.notes.append(Note((item.name, method.name), message, _FIX))
            continue
        end = method.args.defaults[-1] if method.args.defaults else last
        edits.put(reading.span(last)[0], reading.span(end)[1], f"*{_NAME}: object")
        for one in uses:
            edits.put(*reading.span(one), f"*{_NAME}")
    return edits


_FIX = f"do without it: vLLM gives hidden states alone since 0.11.0; or take *{_NAME}"


def _uses(method: FunctionNode) -> list[ast.expr | ast.keyword] | None:
    """Find where the metadata is passed on, last of all; None if it is used otherwise."""
    found: list[ast.expr | ast.keyword] = []
    for part in ast.walk(method):
        if isinstance(part, ast.Call):
            if part.keywords and _is_it(part.keywords[-1].value) and part.keywords[-1].arg == _NAME:
                found += part.keywords[-1:] if len(part.keywords) == 1 else []
            elif part.args and _is_it(part.args[-1]):
                found.append(part.args[-1])
    named = sum(_is_it(part) for part in ast.walk(method))
    return found if named == len(found) else None


def _is_it(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id == _NAME


CODEMOD = Codemod(
    id="sampling-metadata",
    summary="compute_logits takes hidden states alone",
    since="0.11.0",
    instead="compute_logits(hidden_states)",
    reference="VllmModelForTextGeneration.compute_logits",
    risk="safe",
    apply=_apply,
    serves="",
    bridge=_bridge,
)
