"""A type that the release has no more, and that only annotations name, becomes `Any`."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from mmport.codemods.migrate.codemod import Codemod, Edits
from mmport.codemods.migrate.editing import drop_items, drop_names
from mmport.codemods.migrate.reading import Placed, Reading
from mmport.usage.source import Imported
from mmport.usage.view import View
from mmport.usage.walking import walk
from mmport.vllm_api.changes import name_change
from mmport.vllm_api.surface.stubs import FunctionNode


def without_gone(reading: Reading, views: Sequence[View]) -> Edits:
    """Do without the types that a release lacks, of those whose views are given."""
    edits = Edits()
    missing = [one for one in reading.file.imports if _is_missing(views, one)]
    annotations = list(_annotations(reading.tree)) if missing else []
    gone: list[ast.alias] = []
    for item in missing:
        spots = _spots(annotations, item.bound)
        bases = _bases(reading, item)
        if spots is None or len(spots) + len(bases) != _count(reading.tree, item.bound):
            continue
        for spot in spots:
            edits.put(*reading.span(spot), "Any")
            edits.need("typing", "Any")
        for owner, base in bases:
            _drop_base(reading, owner, base, edits)
        gone += _aliases(item)
    drop_names(reading, gone, edits)
    return edits


def _is_missing(views: Sequence[View], item: Imported) -> bool:
    needed = item.name and not item.guarded and not item.instead_of
    return bool(needed) and any(view.meant(item) is None for view in views)


def _annotations(tree: ast.Module) -> Iterator[ast.expr]:
    """Give what annotates parameters, results and local variables: nothing reads it in a run."""
    for node in walk(tree):
        if isinstance(node, FunctionNode):
            arguments = node.args
            every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
            every += [one for one in (arguments.vararg, arguments.kwarg) if one]
            yield from (one.annotation for one in every if one.annotation)
            if node.returns:
                yield node.returns
            for part in walk(node):
                if isinstance(part, ast.AnnAssign):
                    yield part.annotation


def _spots(annotations: list[ast.expr], name: str) -> list[ast.expr] | None:
    """Find where annotations name a type, subscripts and all; None if a string does."""
    found: list[ast.expr] = []
    for annotation in annotations:
        for part in walk(annotation):
            if isinstance(part, ast.Constant) and name in str(part.value):
                return None
            if isinstance(part, ast.Name) and part.id == name:
                found.append(_subscripted(annotation, part))
    return list(dict.fromkeys(found))


def _subscripted(annotation: ast.expr, name: ast.Name) -> ast.expr:
    for part in walk(annotation):
        if isinstance(part, ast.Subscript) and part.value is name:
            return part
    return name


def _bases(reading: Reading, item: Imported) -> list[tuple[ast.ClassDef, ast.expr]]:
    """Find the classes that inherit a marker which the release does without."""
    change = name_change(item.name, reading.target)
    if change is None or not change.drop:
        return []
    return [
        (node, base)
        for node in reading.nodes
        if isinstance(node, ast.ClassDef)
        for base in node.bases
        if isinstance(base, ast.Name) and base.id == item.bound
    ]


def _drop_base(reading: Reading, owner: ast.ClassDef, base: ast.expr, edits: Edits) -> None:
    items: list[Placed] = [*owner.bases, *owner.keywords]
    if len(items) > 1:
        drop_items(reading, items, [base], edits)
        return
    start, end = reading.span(base)
    opened = reading.text.rindex("(", 0, start)
    edits.put(opened, reading.text.index(")", end) + 1, "")


def _aliases(item: Imported) -> list[ast.alias]:
    node = item.node
    names = node.names if isinstance(node, ast.ImportFrom) else []
    return [one for one in names if (one.asname or one.name) == item.bound]


def _count(tree: ast.Module, name: str) -> int:
    return sum(isinstance(node, ast.Name) and node.id == name for node in walk(tree))


CODEMOD = Codemod(
    id="gone-annotations",
    summary="Types that the release has no more leave annotations and bases",
    since="",
    instead="typing.Any, or nothing for a marker that has no meaning any more",
    reference="Python never looks at the annotations of parameters, results and local variables.",
    risk="safe",
    apply=lambda reading: without_gone(reading, (reading.after,)),
)
