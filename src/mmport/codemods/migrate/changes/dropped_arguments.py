"""Arguments that vLLM's layers and functions take no more, and have no need of."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from mmport.codemods.migrate.changes.moved_imports import now
from mmport.codemods.migrate.codemod import Codemod, Edits
from mmport.codemods.migrate.editing import drop_items
from mmport.codemods.migrate.modules import forward_calls
from mmport.codemods.migrate.reading import Reading
from mmport.vllm_api import store
from mmport.vllm_api.changes import ArgumentChange, changes
from mmport.vllm_api.surface.signatures import Signature


def _dropped(reading: Reading, change: ArgumentChange) -> Edits:
    edits = Edits()
    for call, takes in _calls(reading, change.parameter):
        given = _given(reading, call, change.parameter)
        swallowed = takes.kwargs and isinstance(given, ast.keyword)
        if given is not None and not swallowed and change.parameter not in takes.names:
            drop_items(reading, [*call.args, *call.keywords], [given], edits)
    return edits


def _calls(reading: Reading, parameter: str) -> Iterator[tuple[ast.Call, Signature]]:
    """Give the calls that are given a parameter, and what they take in the target."""
    given = [call for call in reading.file.calls if _given(reading, call, parameter) is not None]
    for call in given:
        if reading.of(call.func).known:
            takes = reading.after.called(now(reading, call.func))
            if takes is not None:
                yield call, takes
    if given:
        yield from (one for one in forward_calls(reading) if one[0] in given)


def _given(reading: Reading, call: ast.Call, parameter: str) -> ast.expr | ast.keyword | None:
    """Find a parameter among a call's arguments; by place, where it is called so there as well."""
    for one in call.keywords:
        if one.arg == parameter:
            return one
    last = call.args[-1] if call.args else None
    name = getattr(last, "attr", getattr(last, "id", ""))
    before = reading.before.called(reading.before.of(call.func)) if name == parameter else None
    places = [one.name for one in before.positional] if before is not None else []
    return last if places[len(call.args) - 1 : len(call.args)] == [parameter] else None


def _codemod(change: ArgumentChange) -> Codemod:
    return Codemod(
        id=change.id,
        summary=f"{change.parameter} is given no more where the release does not take it",
        since=change.since,
        instead="nothing",
        reference=change.reason,
        risk="review",
        apply=lambda reading: _dropped(reading, change),
        # Each of vLLM's modules gave it up in a release of its own.
        outlives=store.releases()[-1],
    )


CODEMODS = tuple(map(_codemod, changes().argument))
