"""Arguments that have to be given now are given what was done without them."""

from __future__ import annotations

from mmport.codemods.migrate.calls import called
from mmport.codemods.migrate.codemod import Codemod, Edits
from mmport.codemods.migrate.editing import append_argument
from mmport.codemods.migrate.reading import Reading
from mmport.vllm_api.changes import WantedArgument, changes
from mmport.vllm_api.surface.signatures import call_of


def _given(reading: Reading, change: WantedArgument) -> Edits:
    edits = Edits()
    for one in called(reading):
        given = call_of(one.call)
        asked = (one.module, one.name) == (change.module, change.name) and one.makes
        if not asked or given.spreads_kwargs:
            continue
        names = [parameter.name for parameter in one.after.positional]
        by_place = set(names[: given.positional])
        if change.parameter in names and change.parameter not in {*by_place, *given.names}:
            append_argument(reading, one.call, f"{change.parameter}={change.value}", edits)
    return edits


def _codemod(change: WantedArgument) -> Codemod:
    return Codemod(
        id=change.id,
        summary=f"{change.name} is told {change.parameter}",
        since=change.since,
        instead=f"{change.parameter}={change.value}, as it was",
        reference=f"{change.module}.{change.name}",
        risk="safe",
        apply=lambda reading: _given(reading, change),
    )


CODEMODS = tuple(map(_codemod, changes().wanted))
