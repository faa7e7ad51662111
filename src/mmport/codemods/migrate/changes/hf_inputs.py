"""The hooks around HF's processor that 0.29 and 0.30 had, by way of those that came after."""

from __future__ import annotations

import ast

from mmport.codemods.migrate.codemod import Codemod, Edits
from mmport.codemods.migrate.editing import put_method, rename_reads
from mmport.codemods.migrate.reading import Reading

_PROCESSOR = "BaseMultiModalProcessor"
_NEW, _BEFORE, _DATA = "_get_hf_mm_inputs", "_preprocess_hf_mm_data", "_get_hf_mm_data"
_BRIDGE = f"""
def {_NEW}(
    self,
    mm_items: MultiModalDataItems,
    hf_kwargs: Mapping[str, object],
) -> HFMultiModalInputs:
    hf_data, hf_kwargs, passthrough_data = super().{_NEW}(mm_items, hf_kwargs)
    if hf_data:
        hf_data, hf_kwargs = self.{_BEFORE}(hf_data, hf_kwargs)
    return HFMultiModalInputs(hf_data, hf_kwargs, passthrough_data)
"""
_HELPER = "_processor_data"
_HELPER_CODE = f"""
def {_HELPER}(
    self, mm_items: MultiModalDataItems
) -> tuple[dict[str, object], dict[str, object]]:
    processor_data: dict[str, object] = {{}}
    passthrough_data: dict[str, object] = {{}}
    for items in mm_items.values():
        processor_data.update(items.get_processor_data())
        passthrough_data.update(items.get_passthrough_data())
    return processor_data, passthrough_data
"""


def _preprocessing(reading: Reading) -> Edits:
    edits = Edits()
    for item in reading.heirs(_PROCESSOR):
        method = item.methods.get(_BEFORE)
        if method is None or item.own(_NEW):
            continue
        if reading.local_parents(item) and any(
            one.own(_BEFORE) for one in reading.local_parents(item)
        ):
            continue
        put_method(reading, item, _BRIDGE, edits, before=method)
        edits.need("collections.abc", "Mapping")
        edits.need("vllm.multimodal.parse", "MultiModalDataItems")
        edits.need("vllm.multimodal.processing.processor", "HFMultiModalInputs")
        for part in ast.walk(method):
            _keyed(reading, part, edits)
            if _is_base_call(part) and isinstance(part, ast.Call):
                given = [*part.args, *(one.value for one in part.keywords)]
                code = ", ".join(map(reading.code, given))
                edits.put(*reading.span(part), f"({code})")
    return edits


def _keyed(reading: Reading, part: ast.AST, edits: Edits) -> None:
    """Recordings come under the key that HF's processors have for them."""
    if isinstance(part, ast.Constant) and part.value == "audios":
        start, end = reading.span(part)
        edits.put(start, end, reading.text[start:end].replace("audios", "audio"))


def _is_base_call(node: ast.AST) -> bool:
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Call(func=ast.Name(id="super")), attr=name)):
            return name == _BEFORE
    return False


def _data(reading: Reading) -> Edits:
    edits = Edits()
    for item in reading.heirs(_PROCESSOR):
        if item.own(_DATA) or f"self.{_DATA}(" not in reading.code(item.node):
            continue
        rename_reads(reading, item.node, (), _DATA, _HELPER, edits)
        if not item.own(_HELPER):
            method = next(
                one for one in item.methods.values() if f"self.{_DATA}(" in reading.code(one)
            )
            put_method(reading, item, _HELPER_CODE, edits, before=method)
            edits.need("vllm.multimodal.parse", "MultiModalDataItems")
    return edits


CODEMODS = (
    Codemod(
        id="preprocessing",
        summary=f"{_BEFORE} is called by {_NEW}",
        since="0.31.0",
        instead=_NEW,
        reference=f"BaseMultiModalProcessor.{_NEW}",
        risk="review",
        apply=_preprocessing,
    ),
    Codemod(
        id="processor-data",
        summary=f"The class gathers what {_DATA} gave",
        since="0.31.0",
        instead="items.get_processor_data(), items.get_passthrough_data()",
        reference=f"BaseMultiModalProcessor.{_NEW}",
        risk="safe",
        apply=_data,
    ),
)
