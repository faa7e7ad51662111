"""A model samples nothing: `sample` and the sampler that it had go."""

from __future__ import annotations

import ast

from mmport.codemods.migrate.codemod import Codemod, Edits
from mmport.codemods.migrate.editing import drop_method, drop_statements
from mmport.codemods.migrate.reading import Reading

_MAKERS = ("get_sampler", "Sampler")


def _apply(reading: Reading) -> Edits:
    edits = Edits()
    for item in reading.file.classes.values():
        method = item.methods.get("sample")
        makes = [one for one in ast.walk(item.node) if _is_made(one)]
        if method is not None and (makes or "compute_logits" in item.methods):
            drop_method(reading, item, method, edits)
        prop = item.methods.get("sampler")
        if prop is not None and any(name in reading.code(prop) for name in _MAKERS):
            drop_method(reading, item, prop, edits)
        drop_statements(reading, [one for one in makes if isinstance(one, ast.stmt)], edits)
    return edits


def _is_made(node: ast.AST) -> bool:
    match node:
        case ast.Assign(
            targets=[ast.Attribute(value=ast.Name(id="self"), attr="sampler")],
            value=ast.Call(func=ast.Name(id=name)),
        ):
            return name in _MAKERS
    return False


CODEMOD = Codemod(
    id="sampler",
    summary="Models have no sampler: vLLM samples itself",
    since="0.11.0",
    instead="nothing",
    reference="VllmModelForTextGeneration has no sample since 0.8.5",
    risk="safe",
    apply=_apply,
    serves="0.8.5",
)
