"""Runs the codemods that lie between two releases over a file, one after the other, in memory."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass, replace

from mmport.codemods.imports import Imported
from mmport.codemods.migrate.changes import CODEMODS
from mmport.codemods.migrate.codemod import Codemod, Edits, Note
from mmport.codemods.migrate.editing import drop_names, edited
from mmport.codemods.migrate.importing import laid_out, with_needed
from mmport.codemods.migrate.reading import Reading


@dataclass(frozen=True, slots=True)
class Applied:
    """A codemod that changed a file."""

    id: str
    summary: str
    risk: str


@dataclass(frozen=True, slots=True)
class Migrated:
    """What became of a file's text, by which codemods, and what they left for a person."""

    text: str
    applied: tuple[Applied, ...]
    notes: tuple[Note, ...]


def migrate_text(reading: Reading, codemods: tuple[Codemod, ...] = CODEMODS) -> Migrated:
    """Bring a file's text to its target, by all codemods that lie between or by some.

    Raises:
        SyntaxError: the text is no Python.
    """
    return compose(reading, codemods)


def compose(reading: Reading, codemods: Iterable[Codemod]) -> Migrated:
    """Apply codemods to a file's text, one after the other.

    Raises:
        SyntaxError: the text is no Python.
    """
    applied: list[Applied] = []
    notes: list[Note] = []
    wanted: list[Imported] = []
    lost: set[str] = set()
    first = reading
    for codemod in codemods:
        if codemod.lies_between(reading.origin, reading.target):
            edits = codemod.apply(reading)
            text = edited(reading.text, edits.changes)
            again = _again(reading, text)
            if again is None:
                notes.append(_fault(codemod))
                continue
            notes += edits.notes
            wanted += edits.imports
            if text != reading.text:
                lost |= reading.used - again.used
                reading = without_unused(reading, again)
                applied.append(Applied(codemod.id, codemod.summary, codemod.risk))
    # What one codemod wrote, and asked an import for, another may have taken out again.
    needed = [one for one in wanted if one.bound not in lost - reading.used]
    text = laid_out(first, replace(reading, text=with_needed(reading, needed)))
    return Migrated(text, tuple(applied), tuple(dict.fromkeys(notes)))


def without_unused(before: Reading, after: Reading) -> Reading:
    """Take out the imports that a codemod made useless; what was unused before stays."""
    lost = before.used - after.used
    aliases = [
        alias
        for node in after.tree.body
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
        if (alias.asname or alias.name.partition(".")[0]) in lost
    ]
    if not aliases:
        return after
    edits = Edits()
    drop_names(after, aliases, edits)
    return replace(after, text=edited(after.text, edits.changes), _family={})


def _again(reading: Reading, text: str) -> Reading | None:
    """Read a file anew; None if it is no Python any more."""
    if text == reading.text:
        return reading
    again = replace(reading, text=text, _family={})
    try:
        again.tree  # noqa: B018 - it is parsed here
    except SyntaxError:
        return None
    return again


def _fault(codemod: Codemod) -> Note:
    """Tell of a fault of ours: the file is left as it is, and the others have their turn."""
    what = f"{codemod.id} would write what is no Python here: a fault of mmport, please report it"
    return Note((), what, f"by hand: {codemod.summary}")
