"""Which ids a model embeds for a prompt: its own, or others in the place of placeholders."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from mmport.anatomy.classes import own_attribute
from mmport.anatomy.features.bindings import assigned_names
from mmport.anatomy.features.branches import linear
from mmport.anatomy.features.inline import free_names, method_text

TEXT_IDS = "get_text_ids"
_IDS = "input_ids"
_EMBEDDINGS = "get_input_embeddings"
_KNOWN = frozenset({"torch"})


def text_ids(forward: ast.FunctionDef) -> str:
    """Write what a `forward` makes of ids before it embeds them as a method of its own.

    Empty where it embeds the ids that it is given, or makes others in a way that
    takes more than ids and attributes.
    """
    statements = list(linear(forward.body, _given))
    for place, statement in enumerate(statements):
        embedded = next(_embedded(statement), None)
        if embedded is None:
            continue
        kept = _slice(statements[:place], embedded)
        others = {argument.arg for argument in forward.args.args} - {"self", _IDS}
        source = method_text(TEXT_IDS, (_IDS,), others, kept, embedded)
        return source if kept and _is_plain(source) else ""
    return ""


def _given(name: str) -> bool | None:
    """Tell that ids are given and no embeddings; tests of more than that stay branches."""
    return {"inputs_embeds": False}.get(name)


def _embedded(statement: ast.stmt) -> Iterator[ast.expr]:
    """Give what a statement looks up in the embeddings."""
    for node in ast.walk(statement):
        match node:
            case ast.Call(
                func=ast.Call(func=ast.Attribute(attr=name), args=[]), args=[ids], keywords=[]
            ) if name == _EMBEDDINGS:
                yield ids
            case ast.Call(func=ast.Attribute(attr="embed_tokens"), args=[ids], keywords=[]):
                yield ids


def _slice(before: Sequence[ast.stmt], embedded: ast.expr) -> list[ast.stmt]:
    wanted = _read(embedded)
    kept: list[ast.stmt] = []
    for statement in reversed(before):
        if assigned_names(statement) & wanted:
            kept.append(statement)
            wanted |= _read(statement)
    return kept[::-1]


def _read(node: ast.AST) -> set[str]:
    return {
        part.id
        for part in ast.walk(node)
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load)
    }


def _is_plain(source: str) -> bool:
    """Tell whether a method computes with ids and attributes alone, and calls nothing of `self`."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    own = any(own_attribute(call.func) is not None for call in calls)
    return not own and free_names(source) <= _KNOWN
