"""HF's processors see themselves where the channels of an image are, and are not told otherwise."""

from __future__ import annotations

import ast

from mmport.codemods.migrate.codemod import Codemod, Edits
from mmport.codemods.migrate.reading import Reading
from mmport.usage.walking import walk

_KEY, _VALUE = "input_data_format", "channels_last"


def _apply(reading: Reading) -> Edits:
    edits = Edits()
    for item in reading.heirs("BaseMultiModalProcessor"):
        for node in walk(item.node):
            match node:
                case ast.Dict(keys=[ast.Constant(value=key), None], values=[told, rest]):
                    if key == _KEY and isinstance(told, ast.Constant) and told.value == _VALUE:
                        edits.put(*reading.span(node), f"dict({reading.code(rest)})")
    return edits


CODEMOD = Codemod(
    id="channels-last",
    summary=f"HF's processor is not told {_KEY}, which its torch backend turns by itself",
    since="0.26.0",
    instead="nothing",
    reference="transformers 5: TorchvisionBackend",
    risk="review",
    apply=_apply,
)
