"""Experts' names were mapped by a method of vLLM's mixtures, which these have no more."""

from __future__ import annotations

import ast
from typing import Final

from mmport.codemods.migrate.changes.experts_class import MODULE
from mmport.codemods.migrate.codemod import Codemod, Edits, Note
from mmport.codemods.migrate.editing import call_code
from mmport.codemods.migrate.reading import Reading
from mmport.usage.source import ModelClass
from mmport.usage.walking import walk

_METHOD, _FUNCTION = "get_expert_mapping", "fused_moe_make_expert_params_mapping"
_PROJECTIONS: Final = (
    'ckpt_gate_proj_name="gate_proj"',
    'ckpt_down_proj_name="down_proj"',
    'ckpt_up_proj_name="up_proj"',
)
_COUNTS: Final = {
    "qwen2_moe": "num_experts",
    "qwen3_moe": "num_experts",
    "qwen3_next": "num_experts",
}
"""How the config of a mixture calls the number of its experts, by the module of vLLM's."""


def _apply(reading: Reading) -> Edits:
    edits = Edits()
    for item in reading.file.classes.values():
        count = _count(reading, item)
        for node in walk(item.node) if count is not None else ():
            match node:
                case ast.Call(
                    func=ast.Attribute(value=ast.Name(id="self"), attr=attr), args=[], keywords=[]
                ) if attr == _METHOD:
                    if count:
                        experts = f'num_experts=getattr(self.config, "{count}", 0)'
                        given = ("self", *_PROJECTIONS, experts)
                        edits.put(*reading.span(node), call_code(reading, node, _FUNCTION, given))
                        edits.need(MODULE, _FUNCTION)
                    else:
                        what = f"{item.name} inherits no {_METHOD} any more"
                        fix = f"{_FUNCTION}(self, …), with what the checkpoint calls its experts"
                        edits.notes.append(Note((item.name,), what, fix))
    return edits


def _count(reading: Reading, item: ModelClass) -> str | None:
    """Name the number of experts in the config; empty if unsure, None if the method is there."""
    before = reading.before.inherited(item, _METHOD)
    if before is None or item.own(_METHOD) or reading.after.inherited(item, _METHOD) is not None:
        return None
    return _COUNTS.get(before.owner.module.rpartition(".")[2], "")


CODEMOD = Codemod(
    id="inherited-mapping",
    summary=f"{_METHOD} of a mixture of vLLM's becomes {_FUNCTION}",
    since="0.25.0",
    instead=f"{_FUNCTION}(self, …)",
    reference=f"{MODULE}.{_FUNCTION}",
    risk="review",
    apply=_apply,
)
