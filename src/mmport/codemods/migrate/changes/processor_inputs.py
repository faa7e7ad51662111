"""`ProcessorInputs` has the media parsed, and no options for the tokenizer."""

from __future__ import annotations

import ast

from mmport.codemods.migrate.codemod import Codemod, Edits, Note
from mmport.codemods.migrate.editing import drop_statements
from mmport.codemods.migrate.reading import Reading
from mmport.vllm_api.surface.stubs import FunctionNode

_INPUTS = "ProcessorInputs"
_ITEMS, _OPTIONS = "mm_data_items", "tokenization_kwargs"
_OWNERS = ("BaseMultiModalProcessor", "BaseDummyInputsBuilder")


def _parsed(reading: Reading) -> Edits:
    """Give the media as the processing info parses them."""
    edits = Edits()
    for item in reading.heirs(*_OWNERS):
        for part in ast.walk(item.node):
            if not (isinstance(part, ast.Call) and _name(part.func) == _INPUTS):
                continue
            for given in part.keywords:
                if given.arg == "mm_data":
                    media = reading.code(given.value)
                    code = f"{_ITEMS}=self.info.parse_mm_data({media})"
                    edits.put(*reading.span(given), code)
                elif given.arg == "mm_items":
                    edits.put(*reading.span(given), f"{_ITEMS}={reading.code(given.value)}")
    return edits


def _name(node: ast.expr | None) -> str:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def _untold(reading: Reading) -> Edits:
    """Set and hand on no options for the tokenizer, and say where something did."""
    edits = Edits()
    for item in reading.heirs(*_OWNERS):
        for method in item.methods.values():
            owners = {
                one.arg
                for one in (*method.args.args, *method.args.kwonlyargs)
                if _name(one.annotation) == _INPUTS
            }
            if owners and _without_options(reading, method, owners, edits):
                edits.notes.append(Note((item.name, method.name), _VAGUE, _FIX))
    return edits


_VAGUE = "the tokenizer was told how to read the prompt, which comes as token ids now"
_FIX = "do to inputs.prompt what the options did: the special tokens are in it"


def _without_options(
    reading: Reading, method: FunctionNode, owners: set[str], edits: Edits
) -> bool:
    """Do without the options; tell whether they were given or set here."""
    told = False
    gone: set[int] = set()
    for node in ast.walk(method):
        match node:
            case ast.Assign(targets=[ast.Attribute(value=ast.Name(id=name), attr=attr)]):
                if name in owners and attr == _OPTIONS:
                    drop_statements(reading, [node], edits)
                    gone |= {id(part) for part in ast.walk(node)}
                    told = True
            case ast.Call(
                func=ast.Name(id="replace"), args=[ast.Name(id=name)], keywords=keywords
            ) if name in owners and any(one.arg == _OPTIONS for one in keywords):
                kept = [reading.code(one) for one in keywords if one.arg != _OPTIONS]
                code = f"replace({', '.join([name, *kept])})" if kept else name
                edits.put(*reading.span(node), code)
                gone |= {id(part) for part in ast.walk(node)}
                told = True
    for node in ast.walk(method):
        match node:
            case ast.Attribute(value=ast.Name(id=name), attr=attr) if id(node) not in gone:
                if name in owners and attr == _OPTIONS:
                    edits.put(*reading.span(node), "{}")
    return told


CODEMODS = (
    Codemod(
        id="parsed-items",
        summary=f"{_INPUTS} is given the media as the processing info parses them",
        since="0.17.0",
        instead=f"{_ITEMS}=self.info.parse_mm_data(mm_data)",
        reference="vllm.multimodal.processing.ProcessorInputs",
        risk="safe",
        apply=_parsed,
    ),
    Codemod(
        id="tokenizer-options",
        summary=f"{_INPUTS} has no {_OPTIONS}: the prompt comes as token ids",
        since="0.29.0",
        instead="inputs.prompt",
        reference="vllm.multimodal.processing.ProcessorInputs",
        risk="review",
        apply=_untold,
    ),
)
