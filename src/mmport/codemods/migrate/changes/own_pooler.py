"""A model that writes text has no pooler of its own: vLLM makes one that embeds of it."""

from __future__ import annotations

import ast

from mmport.codemods.migrate.codemod import Codemod, Edits
from mmport.codemods.migrate.editing import drop_method, drop_statements, own_nodes
from mmport.codemods.migrate.reading import Reading
from mmport.usage.source import ModelClass
from mmport.vllm_api.surface.stubs import FunctionNode

_ATTRIBUTE, _METHOD, _MAKER = "_pooler", "pooler", "Pooler"


def _apply(reading: Reading) -> Edits:
    edits = Edits()
    for item in reading.file.classes.values():
        method, made = item.methods.get(_METHOD), _made(item)
        if "compute_logits" not in item.methods or method is None or not made:
            continue
        if _only_pools(method):
            drop_method(reading, item, method, edits)
            drop_statements(reading, made, edits)
    return edits


def _made(item: ModelClass) -> list[ast.stmt]:
    """Find where the pooler is made of what its last token or the like gives."""
    init = item.methods.get("__init__")
    found: list[ast.stmt] = []
    for node in own_nodes(init) if init is not None else ():
        match node:
            case ast.Assign(
                targets=[ast.Attribute(value=ast.Name(id="self"), attr=name)],
                value=ast.Call(func=ast.Name(id=maker), keywords=[ast.keyword(), *_]),
            ) if name == _ATTRIBUTE and maker == _MAKER:
                found.append(node)
    return found


def _only_pools(method: FunctionNode) -> bool:
    """Tell a method that asks the pooler and does nothing else."""
    match method.body[-1]:
        case ast.Return(value=ast.Call(func=ast.Attribute(attr=name))):
            return name == _ATTRIBUTE and len(method.body) == 1
    return False


CODEMOD = Codemod(
    id="own-pooler",
    summary="A model that writes text has no pooler: vLLM makes one that embeds of it",
    since="0.6.5",
    instead="nothing",
    reference="as_embedding_model of vllm.model_executor.models.adapters",
    risk="review",
    apply=_apply,
)
