"""A small thing that is gone for good is written into the file that uses it."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from mmport.codemods.imports import Imported as Wanted
from mmport.codemods.migrate.changes.moved_imports import is_gone
from mmport.codemods.migrate.codemod import Codemod, Edits
from mmport.codemods.migrate.editing import drop_names
from mmport.codemods.migrate.reading import Reading
from mmport.vllm_api.changes import HelperChange, changes, reaches


def _apply(reading: Reading) -> Edits:
    edits = Edits()
    found = list(_gone(reading))
    if not found:
        return edits
    drop_names(reading, [alias for alias, _ in found], edits)
    helpers = list(dict.fromkeys(helper.id for _, helper in found))
    wanted = [one for one in changes().helper if one.id in helpers]
    for helper in wanted:
        for path in helper.needs:
            module, _, name = path.rpartition(".")
            edits.imports.append(Wanted(module or name, name if module else "", name))
    _define(reading, wanted, edits)
    return edits


def _gone(reading: Reading) -> Iterator[tuple[ast.alias, HelperChange]]:
    """Find imports at the top of the file that nothing but our own words can replace."""
    for item in reading.file.imports:
        node = item.node
        if node not in reading.tree.body or not isinstance(node, ast.ImportFrom):
            continue
        for helper in changes().helper if is_gone(reading, item) else ():
            known = item.module in helper.modules and item.name == helper.name
            if known and item.bound == helper.name and reaches(reading.target, helper.since):
                yield next(one for one in node.names if one.name == item.name), helper


def _define(reading: Reading, helpers: list[HelperChange], edits: Edits) -> None:
    """Put definitions below the imports, constants first and closely."""
    constants = [one.code.strip() for one in helpers if one.name.isupper()]
    others = [one.code.strip() for one in helpers if not one.name.isupper()]
    parts = ["\n".join(constants)] if constants else []
    last = [
        node
        for node in reading.tree.body
        if isinstance(node, ast.Import | ast.ImportFrom | ast.Try | ast.If)
    ]
    imports = [node for node in last if node.lineno < _first_definition(reading)]
    place = reading.next_line(reading.span(imports[-1])[1])
    text = "\n\n\n".join([*parts, *others])
    before = "\n" if constants and not others else "\n\n"
    tail = reading.text[place:].lstrip("\r\n")
    rows = len(reading.text) - place - len(tail)
    after = "" if rows else "\n"
    edits.put(place, place, f"{before if others and not constants else chr(10)}{text}\n{after}")


def _first_definition(reading: Reading) -> int:
    lines = [
        node.lineno
        for node in reading.tree.body
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    return min(lines, default=len(reading.text))


CODEMOD = Codemod(
    id="gone-helpers",
    summary="Small things that are gone for good are written into the file, in other words",
    since="",
    instead="a definition of the file's own",
    reference="changes.toml: [[helper]]",
    risk="review",
    apply=_apply,
)
