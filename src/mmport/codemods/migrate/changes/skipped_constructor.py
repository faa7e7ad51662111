"""What a constructor of vLLM's sets since is set by classes that do without that constructor."""

from __future__ import annotations

import ast

from mmport.codemods.migrate.codemod import Codemod, Edits
from mmport.codemods.migrate.editing import block
from mmport.codemods.migrate.reading import Reading
from mmport.usage.source import ModelClass
from mmport.usage.walking import walk
from mmport.vllm_api.changes import ConstructorChange, changes


def _set(reading: Reading, change: ConstructorChange) -> Edits:
    edits = Edits()
    for item in reading.file.classes.values():
        skips = _skips(reading, item, change)
        if skips is not None and not _sets(item, change.attribute):
            end = reading.span(skips)[1]
            code = block(reading, skips, f"self.{change.attribute} = {change.value}")
            edits.put(end, end, f"\n{code}")
    return edits


def _skips(reading: Reading, item: ModelClass, change: ConstructorChange) -> ast.stmt | None:
    """Find where a class' constructor calls the one above its parent's."""
    init = item.methods.get("__init__")
    for node in init.body if init is not None else ():
        match node:
            case ast.Expr(
                value=ast.Call(
                    func=ast.Attribute(
                        value=ast.Call(func=ast.Name(id="super"), args=[parent, *_]),
                        attr="__init__",
                    )
                )
            ):
                found = reading.of(parent)
                if (found.module, found.name) == (change.module, change.name):
                    return node
    return None


def _sets(item: ModelClass, attribute: str) -> bool:
    return item.own(attribute) or any(
        isinstance(node, ast.Attribute)
        and node.attr == attribute
        and isinstance(node.ctx, ast.Store)
        for node in walk(item.node)
    )


def _codemod(change: ConstructorChange) -> Codemod:
    return Codemod(
        id=change.id,
        summary=f"{change.attribute} is set where {change.name}'s constructor is not called",
        since=change.since,
        instead=f"self.{change.attribute} = {change.value}, as it was",
        reference=f"{change.module}.{change.name}",
        risk="review",
        apply=lambda reading: _set(reading, change),
        serves="",
    )


CODEMODS = tuple(map(_codemod, changes().constructor))
