"""What normalizes pixels on the device is made by a function, or by a class that does nothing."""

from __future__ import annotations

import ast

from mmport.codemods.migrate.codemod import Codemod, Edits
from mmport.codemods.migrate.reading import Reading

_OLD, _WHERE = "FusedInputNorm", "vllm.model_executor.models.vision"
_MODULE = "vllm.model_executor.layers.fusion.mm_input_norm"
_MADE = {"identity": "IdentityInputNorm", "from_model_config": "build_mm_input_norm"}


def _apply(reading: Reading) -> Edits:
    edits = Edits()
    if reading.imported(_WHERE, _OLD) is None:
        return edits
    for call in reading.file.calls:
        match call.func:
            case ast.Attribute(value=ast.Name(id=name), attr=attr) if name == _OLD:
                if attr in _MADE:
                    edits.put(*reading.span(call.func), _MADE[attr])
                    edits.need(_MODULE, _MADE[attr])
    return edits


CODEMOD = Codemod(
    id="input-norm",
    summary=f"{_OLD} becomes {' and '.join(sorted(_MADE.values()))}",
    since="0.31.0",
    instead="build_mm_input_norm(model_config), IdentityInputNorm()",
    reference=f"{_MODULE}.build_mm_input_norm",
    risk="safe",
    apply=_apply,
)
