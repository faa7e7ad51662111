"""A class of vLLM is given a type in brackets and takes none: the file does not load."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from mmport.gate.api.hit import Hit
from mmport.gate.rule import Group, Rule
from mmport.model.finding import Severity
from mmport.usage.view import View
from mmport.usage.walking import walk
from mmport.vllm_api.surface.release import Bound

RULE = Rule(
    "not-generic",
    "A class of vLLM is given a type in brackets and takes none.",
    Severity.ERROR,
    "leave the brackets out",
    Group.API,
)

_TAKES = "__class_getitem__"


def check(view: View) -> Iterator[Hit]:
    """Find classes in front of brackets that are not generic."""
    plain = {item.bound for item in view.file.imports if _is_plain(view, view.bound(item.bound))}
    if not plain:
        return
    unread = set(_unread(view.file.tree))
    for node in walk(view.file.tree):
        match node:
            case ast.Subscript(value=ast.Name(id=name)) if name in plain and node not in unread:
                yield Hit(node, f"{name} takes no type in brackets")


def _is_plain(view: View, found: Bound) -> bool:
    """Tell a class that has no brackets, as far as vLLM shows."""
    if not found.known or not found.is_class:
        return False
    lineage = view.names.lineage(found)
    generic = any("Generic" in one.stub or "Protocol" in one.stub for one in lineage.classes)
    return lineage.whole and not generic and view.names.member(found, _TAKES) is None


def _unread(tree: ast.Module) -> Iterator[ast.AST]:
    """Give what stands in annotations, where the file has Python leave those unread."""
    if not any(_postpones(node) for node in tree.body):
        return
    for node in walk(tree):
        match node:
            case (
                ast.arg(annotation=ast.expr() as annotation) | ast.AnnAssign(annotation=annotation)
            ):
                yield from walk(annotation)
            case (
                ast.FunctionDef(returns=ast.expr() as returns)
                | ast.AsyncFunctionDef(returns=ast.expr() as returns)
            ):
                yield from walk(returns)


def _postpones(node: ast.stmt) -> bool:
    match node:
        case ast.ImportFrom(module="__future__", names=names):
            return any(one.name == "annotations" for one in names)
    return False
