"""Arguments that vLLM's layers and functions take no more, and have no need of."""

from __future__ import annotations

from mmport.codemods.migrate.codemod import Codemod, Edits
from mmport.codemods.migrate.editing import drop_items
from mmport.codemods.migrate.reading import Reading
from mmport.vllm_api.changes import ArgumentChange, changes


def _dropped(reading: Reading, change: ArgumentChange) -> Edits:
    edits = Edits()
    for call in reading.file.calls:
        gone = [one for one in call.keywords if one.arg == change.parameter]
        found = reading.of(call.func) if gone else None
        if found is not None and found.known:
            now = reading.after.called(reading.after.of(call.func))
            there = reading.after.names.find(found.module, found.name)
            now = now or (reading.after.called(there) if there is not None else None)
            if now is not None and not now.kwargs and change.parameter not in now.names:
                drop_items(reading, [*call.args, *call.keywords], gone, edits)
    return edits


def _codemod(change: ArgumentChange) -> Codemod:
    return Codemod(
        id=change.id,
        summary=f"{change.parameter} is given no more where the release does not take it",
        since=change.since,
        instead="nothing",
        reference=change.reason,
        risk="review",
        apply=lambda reading: _dropped(reading, change),
    )


CODEMODS = tuple(map(_codemod, changes().argument))
