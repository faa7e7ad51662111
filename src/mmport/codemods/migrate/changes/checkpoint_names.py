"""Checkpoints that newer transformers wrote have names of their own for the same weights."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from mmport.codemods.migrate.codemod import Codemod, Edits
from mmport.codemods.migrate.editing import block, first_method, own_nodes
from mmport.codemods.migrate.reading import Reading
from mmport.usage.source import ModelClass
from mmport.vllm_api.surface.stubs import FunctionNode

_MAPPER, _LOADER, _LANGUAGE = "hf_to_vllm_mapper", "AutoWeightsLoader", "language_model"
_UTILS = "vllm.model_executor.models.utils"
_MADE_BY = "init_vllm_registered_model"


def _apply(reading: Reading) -> Edits:
    edits = Edits()
    for item in reading.heirs("SupportsMultiModal"):
        load, init = item.methods.get("load_weights"), item.methods.get("__init__")
        place = first_method(item)
        if load is None or init is None or place is None or reading.before.defines(item, _MAPPER):
            continue
        call = _bare_load(load)
        parts = list(_parts(init))
        if call is None or _LANGUAGE not in parts:
            continue
        code = _borrowed(reading, item, parts, edits) or _mapper(parts)
        start = reading.line_start(reading.span(place)[0])
        edits.put(start, start, f"{block(reading, place, code)}\n\n")
        end = reading.span(call.args[-1])[1]
        edits.put(end, end, f", mapper=self.{_MAPPER}")
        edits.need(_UTILS, "WeightsMapper")
    return edits


def _bare_load(load: FunctionNode) -> ast.Call | None:
    """Find the call of a loader of the whole class that is told of no names."""
    makes = [
        one
        for one in own_nodes(load)
        if isinstance(one, ast.Call) and isinstance(one.func, ast.Name) and one.func.id == _LOADER
    ]
    if len(makes) != 1 or [ast.unparse(one) for one in makes[0].args] != ["self"]:
        return None
    for one in own_nodes(load):
        match one:
            case ast.Call(func=ast.Attribute(attr="load_weights"), args=[_], keywords=[]):
                return one
    return None


def _parts(init: FunctionNode) -> Iterator[str]:
    """Name the attributes that hold what has weights; the language model's is made by name."""
    for node in ast.walk(init):
        match node:
            case ast.Assign(targets=[ast.Attribute(value=ast.Name(id="self"), attr=name)]):
                made = _maker(node.value)
                if made == _MADE_BY and name != _LANGUAGE:
                    return
                if made == _MADE_BY or made == "Parameter" or _makes_part(made):
                    yield name


def _maker(value: ast.expr) -> str:
    match value:
        case ast.Call(func=ast.Name(id=name)) | ast.Call(func=ast.Attribute(attr=name)):
            return name
    return ""


def _makes_part(name: str) -> bool:
    """Tell a class, or a function that makes an object of one."""
    return bool(re.match(r"[A-Z]\w*[a-z]|_?(init|build|make|create)_", name))


def _borrowed(reading: Reading, item: ModelClass, parts: list[str], edits: Edits) -> str:
    """Take the port's own mapping where its class has the same parts."""
    donor = reading.donor
    code = donor.members.get(_MAPPER, "") if donor and donor.class_name == item.name else ""
    if not donor or not code:
        return ""
    tree = ast.parse(block(reading, reading.tree.body[0], code).strip())
    values = [
        value.value
        for part in ast.walk(tree)
        if isinstance(part, ast.Dict)
        for value in part.values
        if isinstance(value, ast.Constant)
    ]
    if any(str(one).partition(".")[0] not in parts for one in values if one):
        return ""
    edits.imports += [one for one in donor.imports_of([code]) if one.bound != "WeightsMapper"]
    return code


def _mapper(parts: list[str]) -> str:
    rows = [
        f'        "model.{name}.": "{name}.{"model." if name == _LANGUAGE else ""}",'
        for name in parts
    ]
    rows.append(f'        "lm_head.": "{_LANGUAGE}.lm_head.",')
    return "\n".join(
        [
            "# Since transformers 4.52 the parts are below `model`, and the head is at the top.",
            f"{_MAPPER} = WeightsMapper(",
            "    orig_to_new_prefix={",
            *rows,
            "    }",
            ")",
        ]
    )


CODEMOD = Codemod(
    id="checkpoint-names",
    summary="Checkpoints of transformers 4.52 and later are read too",
    since="0.9.2",
    instead=f"{_MAPPER}",
    reference="WeightsMapper, AutoWeightsLoader.load_weights(weights, mapper=…)",
    risk="review",
    apply=_apply,
)
