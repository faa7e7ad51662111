"""Arguments that vLLM's layers and functions take no more, and have no need of."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from mmport.codemods.migrate.codemod import Codemod, Edits
from mmport.codemods.migrate.editing import drop_items
from mmport.codemods.migrate.modules import forward_calls
from mmport.codemods.migrate.reading import Reading
from mmport.vllm_api.changes import ArgumentChange, changes
from mmport.vllm_api.surface.signatures import Signature


def _dropped(reading: Reading, change: ArgumentChange) -> Edits:
    edits = Edits()
    for call, now in _calls(reading, change.parameter):
        gone = [one for one in call.keywords if one.arg == change.parameter]
        if not now.kwargs and change.parameter not in now.names:
            drop_items(reading, [*call.args, *call.keywords], gone, edits)
    return edits


def _calls(reading: Reading, parameter: str) -> Iterator[tuple[ast.Call, Signature]]:
    """Give the calls that are given a parameter, and what they take in the target."""
    for call in reading.file.calls:
        found = reading.of(call.func) if _gives(call, parameter) else None
        if found is not None and found.known:
            now = reading.after.called(reading.after.of(call.func))
            there = reading.after.names.find(found.module, found.name)
            now = now or (reading.after.called(there) if there is not None else None)
            if now is not None:
                yield call, now
    if any(_gives(call, parameter) for call in reading.file.calls):
        yield from (one for one in forward_calls(reading) if _gives(one[0], parameter))


def _gives(call: ast.Call, parameter: str) -> bool:
    return any(one.arg == parameter for one in call.keywords)


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
