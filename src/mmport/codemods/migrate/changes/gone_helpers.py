"""A small thing that is gone for good is written into the file that uses it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import groupby

from packaging.version import Version

from mmport.codemods.imports import Imported as Wanted
from mmport.codemods.migrate.changes.moved_imports import is_gone
from mmport.codemods.migrate.codemod import Codemod, Edits
from mmport.codemods.migrate.editing import drop_names, put_definitions
from mmport.codemods.migrate.reading import Reading
from mmport.vllm_api.changes import HelperChange, changes, reaches
from mmport.vllm_api.surface.areas import lies_in
from mmport.vllm_api.surface.modules import PACKAGE


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
    put_definitions(reading, list(_in_order(wanted)), edits)
    return edits


def _gone(reading: Reading) -> Iterator[tuple[ast.alias, HelperChange]]:
    """Find imports at the top of the file that nothing but our own words can replace."""
    for item in reading.file.imports:
        node = item.node
        if node not in reading.tree.body or not isinstance(node, ast.ImportFrom):
            continue
        foreign = not lies_in(item.module, (PACKAGE,))
        for helper in changes().helper if foreign or is_gone(reading, item) else ():
            known = item.module in helper.modules and item.name == helper.name
            if known and item.bound == helper.name and reaches(reading.target, helper.since):
                yield next(one for one in node.names if one.name == item.name), helper


def _in_order(helpers: list[HelperChange]) -> Iterator[str]:
    """Give what is defined from the bottom up: the oldest first, as if each came in its release."""
    for (_, constant), some in groupby(sorted(helpers, key=_order), key=_order):
        codes = [one.code.strip() for one in some]
        yield from ["\n".join(codes)] if constant else reversed(codes)


def _order(helper: HelperChange) -> tuple[Version, bool]:
    return Version(helper.since), helper.name.isupper()


CODEMOD = Codemod(
    id="gone-helpers",
    summary="Small things that are gone for good are written into the file, in other words",
    since="",
    instead="a definition of the file's own",
    reference="changes.toml: [[helper]]",
    risk="review",
    apply=_apply,
)
