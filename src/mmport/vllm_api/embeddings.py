"""Where a text class takes embeddings in place of ids, read from its source."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from mmport.core.source_tree import FoundClass, SourceTree

_ARGUMENT = "inputs_embeds"
_EMBED = {"get_input_embeddings", "embed_input_ids"}


def decoder_that_takes_embeddings(tree: SourceTree, found: FoundClass) -> str:
    """Name the attribute of a text class whose `forward` takes embeddings; empty if none does.

    It also has the method that makes them of ids, by its name before 0.11.1 or since.
    Before 0.6.4 the class itself took ids alone.
    """
    for owner in tree.lineage(found):
        for attribute, class_name in _built(owner.node):
            inner = tree.find_class(owner.module, class_name)
            if inner is not None and _takes_embeddings(tree, inner):
                return attribute
    return ""


def _built(node: ast.ClassDef) -> Iterator[tuple[str, str]]:
    """Give the attributes that `__init__` sets to a new object, each with its class."""
    methods = {part.name: part for part in node.body if isinstance(part, ast.FunctionDef)}
    init = methods.get("__init__")
    for part in ast.walk(init) if init else ():
        match part:
            case ast.Assign(
                targets=[ast.Attribute(value=ast.Name(id="self"), attr=attribute)],
                value=ast.Call(func=ast.Name(id=class_name)),
            ):
                yield attribute, class_name
            case ast.Assign(
                targets=[ast.Attribute(value=ast.Name(id="self"), attr=attribute)],
                value=ast.Call(func=ast.Attribute(value=ast.Name(id="self"), attr=method)),
            ) if method in methods:
                yield from ((attribute, name) for name in _returned(methods[method]))


def _returned(method: ast.FunctionDef) -> Iterator[str]:
    """Give the classes whose new objects a method returns."""
    for part in ast.walk(method):
        match part:
            case ast.Return(value=ast.Call(func=ast.Name(id=class_name))):
                yield class_name


def _takes_embeddings(tree: SourceTree, found: FoundClass) -> bool:
    methods = {
        part.name: part
        for owner in tree.lineage(found)
        for part in owner.node.body
        if isinstance(part, ast.FunctionDef)
    }
    forward = methods.get("forward")
    takes = forward is not None and _ARGUMENT in {item.arg for item in forward.args.args}
    return takes and not _EMBED.isdisjoint(methods)
