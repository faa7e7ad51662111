"""`compute_logits` takes hidden states alone."""

from __future__ import annotations

import ast

from mmport.codemods.migrate.codemod import Codemod, Edits
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


CODEMOD = Codemod(
    id="sampling-metadata",
    summary="compute_logits takes hidden states alone",
    since="0.11.0",
    instead="compute_logits(hidden_states)",
    reference="VllmModelForTextGeneration.compute_logits",
    risk="safe",
    apply=_apply,
)
