"""Methods that vLLM calls by another name, of the same meaning and parameters."""

from __future__ import annotations

from mmport.codemods.migrate.codemod import Codemod, Edits
from mmport.codemods.migrate.editing import rename_definition, rename_reads
from mmport.codemods.migrate.reading import Reading
from mmport.vllm_api.changes import MethodChange, changes


def rename_method(reading: Reading, owner: str, old: str, new: str) -> Edits:
    """Rename a method in the classes that inherit it, and where they call it."""
    edits = Edits()
    for item in reading.heirs(owner):
        if old in item.methods and not item.own(new):
            rename_definition(reading, item.methods[old], new, edits)
        if new not in item.methods or old not in item.methods:
            rename_reads(reading, item.node, (), old, new, edits)
    return edits


def _codemod(change: MethodChange) -> Codemod:
    new = change.instead[0]
    return Codemod(
        id=change.id,
        summary=f"{change.owner}.{change.name} is called {new}",
        since=change.since,
        instead=new,
        reference=f"{change.owner}.{new}",
        risk="safe",
        apply=lambda reading: rename_method(reading, change.owner, change.name, new),
        outlives=change.works_until,
        serves="",
    )


CODEMODS = tuple(_codemod(one) for one in changes().method if one.renamed)
