"""Fields that positions are computed of stay on the CPU: the others may be left out by then."""

from __future__ import annotations

import ast
import re

from mmport.codemods.migrate.codemod import Codemod, Edits
from mmport.codemods.migrate.editing import append_argument
from mmport.codemods.migrate.reading import Reading
from mmport.usage.walking import walk

_OWNER, _ARGUMENT = "MultiModalFieldConfig", "keep_on_cpu"
_POSITIONS = re.compile(r"^(get_m?x?d?rope_input_positions|_get_mrope_\w+|iter_mm_\w+)$")


def _apply(reading: Reading) -> Edits:
    edits = Edits()
    read = _read(reading)
    for node in reading.nodes if read else ():
        match node:
            case ast.keyword(arg=str(name), value=ast.Call() as call) if name in read:
                _keep(reading, call, edits)
            case ast.Dict(keys=keys, values=values):
                for key, value in zip(keys, values, strict=True):
                    known = isinstance(key, ast.Constant) and key.value in read
                    if known and isinstance(value, ast.Call):
                        _keep(reading, value, edits)
    return edits


def _read(reading: Reading) -> set[str]:
    """Name what the methods that compute positions look up."""
    methods = (
        method
        for item in reading.heirs("SupportsMultiModal", "SupportsMRoPE")
        for name, method in item.methods.items()
        if _POSITIONS.match(name)
    )
    return {
        node.value
        for method in methods
        for node in walk(method)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def _keep(reading: Reading, call: ast.Call, edits: Edits) -> None:
    match call.func:
        case ast.Attribute(value=ast.Name(id=name)) if name == _OWNER:
            if not any(one.arg in (_ARGUMENT, None) for one in call.keywords):
                append_argument(reading, call, f"{_ARGUMENT}=True", edits)


CODEMOD = Codemod(
    id="kept-fields",
    summary="Fields that positions are computed of are kept on the CPU",
    since="0.30.0",
    instead=f"{_ARGUMENT}=True",
    reference="vllm.multimodal.utils: of a prompt that is cached, only such fields are left",
    risk="review",
    apply=_apply,
    serves="0.13.0",
)
