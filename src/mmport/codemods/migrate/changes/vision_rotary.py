"""A vision encoder's rotary embedding is a cosine and a sine, applied by `ApplyRotaryEmb`."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from mmport.codemods.migrate.codemod import Codemod, Edits, Note
from mmport.codemods.migrate.editing import block
from mmport.codemods.migrate.modules import forward_calls
from mmport.codemods.migrate.reading import Reading
from mmport.usage.source import Imported, ModelClass

_COMMON = "vllm.model_executor.layers.rotary_embedding.common"
_LAYER, _ATTRIBUTE = "ApplyRotaryEmb", "apply_rotary_emb"
_APPLY, _PICK, _TORCH = (
    "apply_rotary_pos_emb_vision",
    "dispatch_rotary_emb_function",
    "apply_rotary_emb_torch",
)
_ANGLES = "rotary_pos_emb"
_PARTS = {"cos": f"{_ANGLES}_cos", "sin": f"{_ANGLES}_sin"}
_WIDTH = 88
_STATIC = f"{_LAYER}.forward_static"


def _splits(reading: Reading) -> Edits:
    """Give cosine and sine where a module of vLLM's was given the angles."""
    edits = Edits()
    for call, takes in forward_calls(reading):
        for one in call.keywords:
            wanted = set(_PARTS.values()) <= set(takes.names)
            if one.arg == _ANGLES and wanted and _ANGLES not in takes.names:
                _split(reading, call, one, edits)
    return edits


def _split(reading: Reading, call: ast.Call, given: ast.keyword, edits: Edits) -> None:
    angles = _bracketed(reading, given.value)
    parts = [f"{name}={angles}.{part}()" for part, name in _PARTS.items()]
    between = ", "
    if given.lineno > call.lineno:
        between = ",\n" + " " * given.col_offset
    edits.put(*reading.span(given), between.join(parts))


def _bracketed(reading: Reading, node: ast.expr) -> str:
    code = reading.code(node)
    plain = isinstance(node, ast.Name | ast.Attribute | ast.Call | ast.Subscript)
    return code if plain else f"({code})"


def _applies(reading: Reading) -> Edits:
    """Apply a rotary embedding by a layer, where vLLM's function is gone."""
    edits = Edits()
    for item in _gone(reading, _APPLY):
        makers: dict[str, ModelClass] = {}
        for call in _calls(reading, item):
            owner = reading.file.class_at(call.lineno)
            if owner is None or "__init__" not in owner.methods or len(call.args) != 2:
                fix = f"make {_LAYER}(enforce_enable=True) once, and call it with x, cos and sin"
                edits.notes.append(
                    Note(reading.scope(call), f"vLLM has no {item.name} any more", fix)
                )
                continue
            makers[owner.name] = owner
            angles = _bracketed(reading, call.args[1])
            given = [reading.code(call.args[0]), f"{angles}.cos()", f"{angles}.sin()"]
            edits.put(*reading.span(call), _fitted(reading, call, f"self.{_ATTRIBUTE}", given))
        for owner in makers.values():
            _make(reading, owner, edits)
    return edits


def _fitted(reading: Reading, call: ast.Call, name: str, given: list[str]) -> str:
    """Write a call, over lines if it is too long for one."""
    start = reading.span(call)[0]
    head = reading.text[reading.line_start(start) : start]
    code = f"{name}({', '.join(given)})"
    if len(head) + len(code) <= _WIDTH:
        return code
    indent = head[: len(head) - len(head.lstrip())]
    return f"{name}(\n{''.join(f'{indent}    {one},{chr(10)}' for one in given)}{indent})"


def _make(reading: Reading, owner: ModelClass, edits: Edits) -> None:
    last = owner.methods["__init__"].body[-1]
    end = reading.span(last)[1]
    code = f"""
self.{_ATTRIBUTE} = {_LAYER}(
    enforce_enable=True,
    enable_fp32_compute=True,
)"""
    edits.put(end, end, f"\n\n{block(reading, last, code)}")
    edits.need(_COMMON, _LAYER)


def _gone(reading: Reading, *names: str) -> Iterator[Imported]:
    """Find imports of functions that the release has no more."""
    for item in reading.file.imports:
        if item.name in names and reading.after.meant(item) is None:
            yield item


def _calls(reading: Reading, item: Imported) -> Iterator[ast.Call]:
    for call in reading.file.calls:
        if isinstance(call.func, ast.Name) and call.func.id == item.bound:
            yield call


def _in_torch(reading: Reading) -> Edits:
    """Take the plain implementation where vLLM picked one, or gave its own by another name."""
    edits = Edits()
    for item in _gone(reading, _PICK):
        for call in _calls(reading, item):
            given = [*call.args, *(one.value for one in call.keywords if one.arg == "default")]
            edits.put(*reading.span(call), reading.code(given[0]) if given else _STATIC)
            if not given:
                edits.need(_COMMON, _LAYER)
    for item in _gone(reading, _TORCH):
        if item.module == _COMMON and isinstance(item.node, ast.ImportFrom):
            alias = next(one for one in item.node.names if one.name == item.name)
            edits.put(*reading.span(alias), _LAYER)
            for node in reading.nodes:
                if isinstance(node, ast.Name) and node.id == item.bound:
                    edits.put(*reading.span(node), _STATIC)
    return edits


CODEMODS = (
    Codemod(
        id="rotary-parts",
        summary="vLLM's encoder layers are given cosine and sine in place of angles",
        since="0.12.0",
        instead=", ".join(_PARTS.values()),
        reference="vllm.model_executor.models.qwen2_5_vl.Qwen2_5_VisionAttention.forward",
        risk="safe",
        apply=_splits,
    ),
    Codemod(
        id="rotary-functions",
        summary="Rotary embeddings are applied by a function that vLLM still has",
        since="0.13.0",
        instead=_STATIC,
        reference=f"{_COMMON}.{_LAYER}",
        risk="safe",
        apply=_in_torch,
    ),
    Codemod(
        id="vision-rotary",
        summary=f"{_APPLY} becomes a layer, {_LAYER}",
        since="0.13.0",
        instead=f"{_LAYER}(enforce_enable=True, enable_fp32_compute=True)",
        reference=f"{_COMMON}.{_LAYER}",
        risk="safe",
        apply=_applies,
    ),
)
