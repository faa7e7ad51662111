"""Brings a file to the newest release of a span such that it serves all others of it too."""

from __future__ import annotations

from dataclasses import replace

from mmport.codemods.migrate.changes import CODEMODS, gone_annotations, moved_imports
from mmport.codemods.migrate.codemod import Codemod, Edits, Note
from mmport.codemods.migrate.reading import Reading
from mmport.codemods.migrate.run import Migrated, compose
from mmport.codemods.migrate.shim import imports, names
from mmport.vllm_api.changes import reaches

_FOR_ONE_RELEASE = (moved_imports.CODEMOD, gone_annotations.CODEMOD)
"""What asks one release alone what it has: a span asks all of its releases, last of all."""


def shim_text(reading: Reading) -> Migrated:
    """Make a file's text serve every release from its origin to its target.

    Raises:
        SyntaxError: the text is no Python.
    """
    bridges = [across(one, reading.origin) for one in CODEMODS if one not in _FOR_ONE_RELEASE]
    first = compose(reading, [*bridges, names.CODEMOD])
    # Only now are all imports there that the new code needs.
    again = replace(reading, text=first.text, _family={})
    last = compose(again, (imports.CODEMOD, _ANNOTATIONS))
    notes = tuple(dict.fromkeys((*first.notes, *last.notes)))
    return Migrated(last.text, (*first.applied, *last.applied), notes)


def across(codemod: Codemod, origin: str) -> Codemod:
    """Give what a codemod does in a file that is to serve the releases from `origin` on too."""
    if codemod.serves is not None and (not codemod.serves or reaches(origin, codemod.serves)):
        return replace(codemod, apply=codemod.bridge or codemod.apply)
    return replace(codemod, apply=lambda reading: _told(codemod, reading))


def _told(codemod: Codemod, reading: Reading) -> Edits:
    """Change nothing, and tell where the change has no form that serves both sides."""
    asked = codemod.apply(reading)
    lines = (reading.line_of(one.start) for one in asked.changes)
    scopes = dict.fromkeys(reading.scope_at(line) for line in sorted(lines))
    message = f"no one form serves the releases before {codemod.since} and after: {codemod.summary}"
    fix = f"from {codemod.since} on: {codemod.instead}; or keep a file for each side"
    return Edits(notes=[*asked.notes, *(Note(scope, message, fix) for scope in scopes)])


_ANNOTATIONS = replace(
    gone_annotations.CODEMOD,
    apply=lambda reading: gone_annotations.without_gone(reading, reading.views),
)
