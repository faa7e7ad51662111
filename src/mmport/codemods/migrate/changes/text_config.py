"""transformers 5 keeps the text model's part of a config by itself, where it lay open before."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from mmport.codemods.migrate.codemod import Codemod, Edits
from mmport.codemods.migrate.reading import Reading
from mmport.usage.source import ModelClass
from mmport.usage.walking import walk
from mmport.vllm_api.surface.stubs import FunctionNode

_PARAMETER, _PART = "text_config", "config.get_text_config()"
_WHOLE = "vllm_config"
_MODELS = "vllm.model_executor.models."
_KIND = "ForCausalLM"


def _apply(reading: Reading) -> Edits:
    edits = Edits()
    for item in reading.heirs("SupportsMultiModal"):
        init = item.methods.get("__init__")
        if init is None or not _has_whole(init):
            continue
        for node in walk(init):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                for given, code in (*_text_models(reading, node), *_parts(reading, node)):
                    edits.put(*reading.span(given), code)
    return edits


def _has_whole(init: FunctionNode) -> bool:
    """Tell a constructor that has the model's whole config in `config`, and no part beside it."""
    code = [ast.unparse(node) for node in init.body]
    told = any(f".{_PARAMETER}" in one or "get_text_config" in one for one in code)
    return f"config = {_WHOLE}.model_config.hf_config" in code and not told


def _text_models(reading: Reading, call: ast.Call) -> Iterator[tuple[ast.expr, str]]:
    """Find the whole config where a text model is made of it."""
    if not isinstance(call.func, ast.Name):
        return
    item = reading.file.imported(call.func.id)
    if item is None or not item.name.endswith(_KIND) or not item.module.startswith(_MODELS):
        return
    for one in call.keywords:
        match one:
            case ast.keyword(arg="vllm_config", value=ast.Name(id=name) as given) if name == _WHOLE:
                yield given, f"{_WHOLE}.with_hf_config({_PART})"


def _parts(reading: Reading, call: ast.Call) -> Iterator[tuple[ast.expr, str]]:
    """Find the whole config where a class of the file wants the text model's part."""
    made = reading.file.classes.get(call.func.id) if isinstance(call.func, ast.Name) else None
    given = dict(zip(_parameters(made), call.args, strict=False)) if made is not None else {}
    given |= {one.arg: one.value for one in call.keywords if one.arg and made is not None}
    match given.get(_PARAMETER):
        case ast.Name(id="config") as whole:
            yield whole, _PART


def _parameters(item: ModelClass | None) -> list[str]:
    init = item.methods.get("__init__") if item is not None else None
    return [one.arg for one in init.args.args][1:] if init is not None else []


CODEMOD = Codemod(
    id="text-config",
    summary="A text model is made of its own part of the config",
    since="0.19.0",
    instead=_PART,
    reference="transformers 5: PreTrainedConfig.get_text_config, which gives a flat config whole",
    risk="review",
    apply=_apply,
)
