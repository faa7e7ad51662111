"""The layers whose features an encoder gives are named by another argument."""

from __future__ import annotations

import ast

from mmport.codemods.migrate.codemod import Codemod, Edits
from mmport.codemods.migrate.reading import Reading

_OLD, _NEW = "feature_sample_layers", "select_layers"


def _apply(reading: Reading) -> Edits:
    edits = Edits()
    if any(isinstance(one, ast.arg) and one.arg == _OLD for one in reading.nodes):
        return edits  # The encoder is the file's own.
    for call in reading.file.calls:
        for one in call.keywords:
            if one.arg == _OLD:
                start = reading.span(one)[0]
                edits.put(start, start + len(_OLD), _NEW)
    return edits


CODEMOD = Codemod(
    id="select-layers",
    summary=f"vLLM's encoders take {_OLD} as {_NEW}",
    since="0.11.1",
    instead=_NEW,
    reference="vllm.model_executor.models.clip.CLIPVisionModel.forward",
    risk="safe",
    apply=_apply,
)
