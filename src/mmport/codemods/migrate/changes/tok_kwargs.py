"""`_call_hf_processor` is given the tokenizer's options by themselves."""

from __future__ import annotations

import ast

from mmport.codemods.migrate.codemod import Codemod, Edits
from mmport.codemods.migrate.editing import append_argument, append_parameters
from mmport.codemods.migrate.reading import Reading
from mmport.usage.walking import walk
from mmport.vllm_api.surface.stubs import FunctionNode

_NAME, _NEW = "_call_hf_processor", "tok_kwargs"
_BEFORE = 4
"""`self`, the prompt, the media and the options."""


def _apply(reading: Reading) -> Edits:
    edits = Edits()
    for item in reading.heirs("BaseMultiModalProcessor"):
        method = item.methods.get(_NAME)
        if method is not None and _is_old(method):
            append_parameters(reading, method, [f"{_NEW}: Mapping[str, object]"], edits)
            edits.need("collections.abc", "Mapping")
            for node in walk(method):
                match node:
                    case ast.Call(
                        func=ast.Attribute(value=ast.Call(func=ast.Name(id="super")), attr=attr)
                    ) if attr == _NAME:
                        append_argument(reading, node, f"{_NEW}={_NEW}", edits)
    return edits


def _is_old(method: FunctionNode) -> bool:
    args = method.args
    more = args.vararg or args.kwarg or args.kwonlyargs or args.defaults
    return len(args.posonlyargs) + len(args.args) == _BEFORE and not more


CODEMOD = Codemod(
    id="tok-kwargs",
    summary=f"{_NAME} takes {_NEW} and hands it on",
    since="0.9.2",
    instead=f"{_NEW}: Mapping[str, object]",
    reference=f"BaseMultiModalProcessor.{_NAME} of 0.9.2 to 0.28.0",
    risk="safe",
    apply=_apply,
)
