"""A default pooling type is given by name: of sequences, or of tokens."""

from __future__ import annotations

import ast

from mmport.codemods.migrate.codemod import Codemod, Edits
from mmport.codemods.migrate.reading import Reading

_NAME = "default_pooling_type"
_BY_NAME = {"ALL": "tok_pooling_type", "STEP": "tok_pooling_type"}


def _apply(reading: Reading) -> Edits:
    edits = Edits()
    for call in reading.file.calls:
        match call:
            case ast.Call(func=ast.Name(id=name), args=[ast.Constant(value=str(kind)) as given]):
                if name == _NAME:
                    start = reading.span(given)[0]
                    edits.put(start, start, f"{_BY_NAME.get(kind, 'seq_pooling_type')}=")
    return edits


CODEMOD = Codemod(
    id="pooling-type",
    summary=f"{_NAME} is given seq_pooling_type or tok_pooling_type by name",
    since="0.14.0",
    instead="seq_pooling_type=, tok_pooling_type=",
    reference="vllm.model_executor.models.interfaces_base.default_pooling_type",
    risk="safe",
    apply=_apply,
)
