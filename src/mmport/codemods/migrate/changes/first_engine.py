"""`forward` is always given embeddings: what made them for vLLM's first engine goes."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from mmport.codemods.migrate.codemod import Codemod, Edits
from mmport.codemods.migrate.editing import drop_method, drop_statements
from mmport.codemods.migrate.reading import Reading
from mmport.vllm_api.surface.stubs import FunctionNode

_EMBEDS = "inputs_embeds"
_MARKS = ("multimodal_embeddings", "_v0", "_parse_and_validate_", "_process_")


def _apply(reading: Reading) -> Edits:
    edits = Edits()
    for item in reading.heirs("SupportsMultiModal"):
        method = item.methods.get("forward")
        dropped = list(_branches(method)) if method else []
        for node, parent in dropped:
            _drop(reading, node, parent, edits)
        left = "\n".join(reading.code(one) for one in item.methods.values() if one is not method)
        for name, one in item.methods.items():
            if dropped and name.endswith("_v0") and left.count(name) == 1:
                drop_method(reading, item, one, edits)
    return edits


def _branches(method: FunctionNode) -> Iterator[tuple[ast.If, ast.If | None]]:
    """Find `if inputs_embeds is None` that encodes media, and what it is an `elif` of."""
    for node in method.body:
        if isinstance(node, ast.If):
            if _is_it(node):
                yield node, None
            match node.orelse:
                case [ast.If() as inner] if _is_it(inner):
                    yield inner, node


def _is_it(node: ast.If) -> bool:
    match node.test:
        case ast.Compare(left=ast.Name(id=name), ops=[ast.Is()], comparators=[ast.Constant()]):
            text = "\n".join(map(ast.unparse, node.body))
            return name == _EMBEDS and not node.orelse and any(one in text for one in _MARKS)
    return False


def _drop(reading: Reading, node: ast.If, parent: ast.If | None, edits: Edits) -> None:
    if parent is None:
        drop_statements(reading, [node], edits)
        return
    start = reading.span(parent.body[-1])[1]
    start = reading.next_line(start) if start else start
    edits.put(start, reading.next_line(reading.span(node)[1]), "")


CODEMOD = Codemod(
    id="first-engine",
    summary="forward makes no embeddings of its own: the engine gives them",
    since="0.11.1",
    instead="nothing",
    reference="GPUModelRunner calls embed_multimodal and embed_input_ids before forward",
    risk="safe",
    apply=_apply,
    serves="0.11.0",
)
