"""A name is imported from where the release has it, or by the name that it has there."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from mmport.codemods.imports import Imported as Wanted
from mmport.codemods.migrate.codemod import Codemod, Edits
from mmport.codemods.migrate.editing import drop_items, drop_statements, with_comments_above
from mmport.codemods.migrate.reading import Reading
from mmport.inspection import hf_library
from mmport.usage.source import Imported
from mmport.usage.whereabouts import home, last_stub
from mmport.vllm_api.changes import changes, name_change, reaches
from mmport.vllm_api.surface.areas import lies_in
from mmport.vllm_api.surface.modules import PACKAGE
from mmport.vllm_api.surface.release import UNKNOWN, Bound, ReleaseNames


@dataclass(frozen=True, slots=True)
class Place:
    """A module, and a name in it."""

    module: str
    name: str


@dataclass(frozen=True, slots=True)
class _Move:
    """An alias of an import, and where what it names stands now."""

    alias: ast.alias
    module: str
    name: str

    @property
    def bound(self) -> str:
        return self.alias.asname or self.name


def _apply(reading: Reading) -> Edits:
    edits = Edits()
    moving = list(_by_statement(reading))
    useless: list[ast.stmt] = []
    loose = _loose(reading, moving)
    for node, moves in moving:
        if not _redirected(reading, node, moves, edits, loose=node in loose):
            useless += _take_out(reading, node, moves, edits, loose=node in loose)
        for one in moves:
            if one.name != one.alias.name and one.alias.asname is None:
                rename_uses(reading, one.alias.name, one.name, edits)
    drop_statements(reading, useless, edits)
    return edits


def _by_statement(reading: Reading) -> Iterator[tuple[ast.ImportFrom, list[_Move]]]:
    nodes = {id(one.node): one.node for one in reading.file.imports}
    for key, node in nodes.items():
        if isinstance(node, ast.ImportFrom):
            gone = {
                one.name: one
                for one in reading.file.imports
                if id(one.node) == key and is_gone(reading, one)
            }
            moves = [
                move
                for alias in node.names
                if alias.name in gone and (move := _moved(reading, alias, gone[alias.name]))
            ]
            if moves:
                yield node, moves


def is_gone(reading: Reading, item: Imported) -> bool:
    """Tell whether an import fails in the target, and nothing is there to take its place."""
    others = [one for one in reading.file.imports if one.bound == item.bound]
    alone = len(others) == 1 or not (item.instead_of or item.guarded)
    return alone and bool(item.name) and _fails(reading, item)


def _fails(reading: Reading, item: Imported) -> bool:
    found = reading.after.meant(item)
    if found is None or found.known:
        return found is None
    # A module that makes names as they are asked may not make this one.
    if item.guarded or item.instead_of:
        return False  # the file has a way out
    return any(
        (one.module, one.name) == (item.module, item.name) and reaches(reading.target, one.since)
        for one in changes().name
    )


def _moved(reading: Reading, alias: ast.alias, item: Imported) -> _Move | None:
    found = place_in(reading, item, reading.after.names)
    return _Move(alias, found.module, found.name) if found else None


def place_in(reading: Reading, item: Imported, names: ReleaseNames) -> Place | None:
    """Find where a release has what an import asks for elsewhere; None if unsure."""
    change = name_change(item.name, names.version)
    if change is not None and change.instead:
        module, _, name = change.instead.rpartition(".")
        known = home(names, module, name) if lies_in(module, (PACKAGE,)) else ""
        found = names.find(known or module, name)
        if found is not None and _stands_for(reading, item, found):
            return Place(known or module, name)
    stub = last_stub(item.module, item.name, reading.origin)
    there = home(names, item.module, item.name, stub) if change is None else ""
    if not there and lies_in(item.module, _VENDORED) and hf_library.exports(item.name):
        there = "transformers"
    return Place(there, item.name) if there else None


def now(reading: Reading, node: ast.expr) -> Bound:
    """Find what an expression will be in the target, once its import has moved."""
    found, before = reading.after.of(node), reading.before.of(node)
    same = reading.after.names.find(before.module, before.name) if before.known else None
    if found.known or same is not None:
        return found if found.known else same or UNKNOWN
    match node:
        case ast.Name(id=name):
            item = reading.file.imported(name)
            place = place_in(reading, item, reading.after.names) if item and item.name else None
            there = reading.after.names.find(place.module, place.name) if place else None
            return there or UNKNOWN
        case ast.Attribute(value=value, attr=attr):
            return reading.after.attribute(now(reading, value), attr) or UNKNOWN
    return UNKNOWN


_VENDORED = ("vllm.transformers_utils.configs", "vllm.transformers_utils.processors")
"""Where vLLM keeps what transformers does not have yet."""


def _stands_for(reading: Reading, item: Imported, found: Bound) -> bool:
    """Tell whether a name can do what another did: a function is no base, and has no methods."""
    if found.is_class or not found.known:
        return True
    before = reading.before.meant(item)
    used = {one for one in reading.nodes if isinstance(one, ast.Name) and one.id == item.bound}
    if before is None or not before.is_class:
        return not any(one in used for one in _owners(reading))
    return len(used) == sum(call.func in used for call in reading.file.calls)


def _owners(reading: Reading) -> Iterator[ast.expr]:
    """Give what is inherited, and what is asked for an attribute."""
    for node in reading.nodes:
        if isinstance(node, ast.ClassDef):
            yield from node.bases
        elif isinstance(node, ast.Attribute):
            yield node.value


def _loose(
    reading: Reading, moving: list[tuple[ast.ImportFrom, list[_Move]]]
) -> list[ast.ImportFrom]:
    """Give the imports that can go elsewhere, to where their new modules are in order.

    If all of vLLM's go, the first one stays, so that they keep a section of their own.
    """
    ours = [
        node
        for node in reading.tree.body
        if isinstance(node, ast.ImportFrom) and lies_in(node.module or "", (PACKAGE,))
    ]
    whole = [node for node, moves in moving if len(moves) == len(node.names)]
    anchor = ours[:1] if all(one in whole for one in ours) else []
    return [
        node
        for node, moves in moving
        if node in reading.tree.body and node not in anchor and not _stays(reading, node, moves)
    ]


def _redirected(
    reading: Reading, node: ast.ImportFrom, moves: list[_Move], edits: Edits, *, loose: bool
) -> bool:
    """Name another module where an import is, if all of it has moved there and it is to stay."""
    modules = {one.module for one in moves}
    renamed = any(one.name != one.alias.name for one in moves)
    whole = len(moves) == len(node.names) and len(modules) == 1 and not renamed
    if whole and ("#" in reading.code(node) or not loose):
        _redirect(reading, node, modules.pop(), edits)
        return True
    return False


def _redirect(reading: Reading, node: ast.ImportFrom, module: str, edits: Edits) -> None:
    """Put another module in the place of the one that is imported from."""
    start, end = reading.span(node)
    head = reading.text[start:end].partition("import")[0]
    if node.module and "import" in node.module:
        head = reading.text[start : reading.span(node.names[0])[0]].rpartition("import")[0]
    edits.put(start, start + len(head), f"from {module} ")


def _take_out(
    reading: Reading, node: ast.ImportFrom, moves: list[_Move], edits: Edits, *, loose: bool
) -> list[ast.stmt]:
    """Take names out of an import, and give it back if nothing of it is left.

    Those that are to be kept where they are get lines of their own.
    """
    kept = [one for one in moves if not loose or any(_remarks(reading, node, one.alias))]
    edits.imports += [Wanted(one.module, one.name, one.bound) for one in moves if one not in kept]
    own = _lines(reading, node, kept)
    if len(moves) == len(node.names):
        if kept:
            edits.put(*reading.span(node), own.lstrip())
        return [] if kept else [node]
    drop_items(reading, node.names, [one.alias for one in moves], edits)
    for one in kept:
        _drop_remarks(reading, node, one.alias, edits)
    if kept:
        end = reading.span(node)[1]
        edits.put(end, end, f"\n{own}")
    return []


def _lines(reading: Reading, node: ast.ImportFrom, moves: list[_Move]) -> str:
    """Write imports at the place of the one that had the names, remarks and all."""
    indent = reading.indent(node)
    rows: list[str] = []
    for one in moves:
        above, beside = _remarks(reading, node, one.alias)
        named = f" as {one.alias.asname}" if one.alias.asname else ""
        rows += [*above, f"from {one.module} import {one.name}{named}{beside}"]
    return "\n".join(f"{indent}{row}" for row in rows)


def _stays(reading: Reading, node: ast.ImportFrom, moves: list[_Move]) -> bool:
    """Tell whether comments around an import would be lost if all of it went elsewhere."""
    start, end = reading.span(node)
    above = with_comments_above(reading, start) < reading.line_start(start)
    behind = "#" in reading.text[end : reading.next_line(end)]
    return len(moves) == len(node.names) and (above or behind)


def _remarks(reading: Reading, node: ast.ImportFrom, alias: ast.alias) -> tuple[list[str], str]:
    """Give the comments on the lines above a name of an import, and the one beside it."""
    if alias.lineno == node.lineno:
        return [], ""
    start, end = reading.span(alias)
    first = with_comments_above(reading, start)
    above = reading.text[first : reading.line_start(start)]
    rest = reading.text[end : reading.next_line(end)].strip().lstrip(", ")
    return [row.strip() for row in above.splitlines()], f"  {rest}" if rest[:1] == "#" else ""


def _drop_remarks(reading: Reading, node: ast.ImportFrom, alias: ast.alias, edits: Edits) -> None:
    above, beside = _remarks(reading, node, alias)
    start, end = reading.span(alias)
    if above:
        edits.put(with_comments_above(reading, start), reading.line_start(start), "")
    if beside:
        row = reading.text[end : reading.next_line(end)].rstrip("\r\n")
        edits.put(end + len(row.partition("#")[0].rstrip()), end + len(row), "")


def rename_uses(reading: Reading, old: str, new: str, edits: Edits) -> None:
    """Rename a variable wherever a file has it."""
    for node in reading.nodes:
        if isinstance(node, ast.Name) and node.id == old:
            edits.put(*reading.span(node), new)


CODEMOD = Codemod(
    id="moved-imports",
    summary="Imports names from where the release has them",
    since="",
    instead="the module that the catalog finds the name in",
    reference="the catalog of the release: mmport catalog show",
    risk="safe",
    apply=_apply,
)
