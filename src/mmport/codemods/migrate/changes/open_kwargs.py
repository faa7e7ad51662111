"""What gives a processor takes all of a request's options: some are the engine's own."""

from __future__ import annotations

import ast

from mmport.codemods.migrate.codemod import Codemod, Edits
from mmport.codemods.migrate.editing import append_parameters
from mmport.codemods.migrate.reading import Reading

_HOOK = "get_hf_processor"


def _apply(reading: Reading) -> Edits:
    edits = Edits()
    asked = {_HOOK, *_asked_with_all(reading)}
    for item in reading.heirs("BaseProcessingInfo"):
        for name, method in item.methods.items():
            if name in asked and method.args.kwarg is None:
                append_parameters(reading, method, ["**kwargs: object"], edits)
    return edits


def _asked_with_all(reading: Reading) -> set[str]:
    """Name the methods of `self.info` that are given the options as they came."""
    return {
        call.func.attr
        for call in reading.file.calls
        if isinstance(call.func, ast.Attribute)
        and isinstance(call.func.value, ast.Attribute)
        and call.func.value.attr == "info"
        and any(one.arg is None for one in call.keywords)
    }


CODEMOD = Codemod(
    id="open-kwargs",
    summary="What gives a processor takes options that are not for it, as the engine adds some",
    since="0.31.0",
    instead="**kwargs: object",
    reference="BaseMultiModalProcessor._get_hf_mm_inputs, which adds truncation",
    risk="safe",
    apply=_apply,
    serves="",
)
