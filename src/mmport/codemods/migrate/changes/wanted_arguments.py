"""Arguments that have to be given now are given what was done without them."""

from __future__ import annotations

from mmport.codemods.migrate.codemod import Codemod, Edits
from mmport.codemods.migrate.editing import append_argument
from mmport.codemods.migrate.reading import Reading
from mmport.vllm_api.changes import WantedArgument, changes
from mmport.vllm_api.surface.signatures import call_of


def _given(reading: Reading, change: WantedArgument) -> Edits:
    edits = Edits()
    for call in reading.file.calls:
        found, given = reading.of(call.func), call_of(call)
        if (found.module, found.name) != (change.module, change.name) or given.spreads_kwargs:
            continue
        wanted = reading.after.called(reading.after.of(call.func))
        names = [one.name for one in wanted.positional] if wanted is not None else []
        by_place = set(names[: given.positional])
        if change.parameter in names and change.parameter not in {*by_place, *given.names}:
            append_argument(reading, call, f"{change.parameter}={change.value}", edits)
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
