"""Arguments that vLLM's modules want of every call, and that old code does not have."""

from __future__ import annotations

from mmport.codemods.migrate.codemod import Codemod, Edits
from mmport.codemods.migrate.editing import append_argument
from mmport.codemods.migrate.modules import forward_calls
from mmport.codemods.migrate.reading import Reading
from mmport.vllm_api.changes import NewArgument, changes


def _added(reading: Reading, change: NewArgument) -> Edits:
    edits = Edits()
    for call, takes in forward_calls(reading):
        named = {one.arg for one in call.keywords}
        if change.parameter in takes.required and not named & {change.parameter, None}:
            place = [one.name for one in takes.positional].index(change.parameter)
            if place >= len(call.args) and (call.args or call.keywords):
                append_argument(reading, call, f"{change.parameter}={change.value}", edits)
    return edits


def _codemod(change: NewArgument) -> Codemod:
    return Codemod(
        id=change.id,
        summary=f"{change.parameter} is given where the release wants it",
        since=change.since,
        instead=f"{change.parameter}={change.value}",
        reference=change.reason,
        risk="safe",
        apply=lambda reading: _added(reading, change),
    )


CODEMODS = tuple(map(_codemod, changes().new_argument))
