"""A small thing that is gone for good is written into the file that uses it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import groupby

from packaging.version import Version

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
    """Put definitions below the imports, the newest first, as if each release's came by itself."""
    place = _below_imports(reading)
    text = ""
    for (_, constant), some in groupby(sorted(helpers, key=_order), key=_order):
        codes = [one.code.strip() for one in some]
        if constant:
            text = "".join(f"{row}\n" for row in ["", *codes]) + text
        else:
            rest = text + reading.text[place:]
            blank = rest[: len(rest) - len(rest.lstrip())].count("\n")
            below = "\n" * max(2 - blank, 0)
            text = "".join(f"\n\n{one}\n" for one in codes) + below + text
    edits.put(place, place, text)


def _order(helper: HelperChange) -> tuple[Version, bool]:
    return Version(helper.since), helper.name.isupper()


def _below_imports(reading: Reading) -> int:
    """Give where the line below the imports begins that all definitions come after."""
    imports = ast.Import | ast.ImportFrom | ast.Try | ast.If
    first = _first_definition(reading)
    last = [node for node in reading.tree.body if isinstance(node, imports)]
    above = [node for node in last if node.lineno < first]
    return reading.next_line(reading.span(above[-1])[1])


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
