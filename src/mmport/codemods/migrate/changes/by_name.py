"""Arguments that were given by place are named where the release has that place for another."""

from __future__ import annotations

import ast

from mmport.codemods.migrate.calls import Called, called
from mmport.codemods.migrate.codemod import Codemod, Edits
from mmport.codemods.migrate.editing import call_code
from mmport.codemods.migrate.reading import Reading
from mmport.usage.walking import walk


def _apply(reading: Reading) -> Edits:
    edits = Edits()
    for one in called(reading):
        first = _first_moved(one)
        if first is not None:
            _name(reading, one, first, edits)
    return edits


def _name(reading: Reading, one: Called, first: int, edits: Edits) -> None:
    names = [parameter.name for parameter in one.before.positional]
    moved = list(zip(names, one.call.args, strict=False))[first:]
    if one.call.lineno == one.call.end_lineno and not _holds_calls(one.call):
        given = [
            *map(reading.code, one.call.args[:first]),
            *(f"{name}={reading.code(value)}" for name, value in moved),
            *map(reading.code, one.call.keywords),
        ]
        code = call_code(reading, one.call, reading.code(one.call.func), given)
        edits.put(*reading.span(one.call), code)
        return
    for name, value in moved:
        start = reading.span(value)[0]
        edits.put(start, start, f"{name}=")


def _holds_calls(call: ast.Call) -> bool:
    """Tell whether arguments are calls themselves, which may have edits of their own."""
    given = [*call.args, *call.keywords]
    return any(isinstance(node, ast.Call) for one in given for node in walk(one))


def _first_moved(one: Called) -> int | None:
    """Say from which place on arguments mean another parameter; None if there is none."""
    given = len(one.call.args)
    before = [parameter.name for parameter in one.before.positional][:given]
    after = [parameter.name for parameter in one.after.positional][:given]
    spread = any(isinstance(value, ast.Starred) for value in one.call.args)
    if spread or len(before) < given or before == after:
        return None
    first = next(
        (place for place, name in enumerate(before) if after[place : place + 1] != [name]), given
    )
    moved = set(before[first:])
    # One that is gone, or renamed, is for those who know what became of it.
    known = moved <= set(one.after.names)
    return first if known and not _told_anew(one, before, after) else None


def _told_anew(one: Called, before: list[str], after: list[str]) -> bool:
    """Tell whether a value's own name says that the call follows the release's order already."""
    return any(
        is_ == value.id != was
        for value, was, is_ in zip(one.call.args, before, after, strict=False)
        if isinstance(value, ast.Name)
    )


CODEMOD = Codemod(
    id="by-name",
    summary="Arguments are named where the release has their places for others",
    since="",
    instead="name=value",
    reference="the signatures of vLLM's own functions and classes",
    risk="safe",
    apply=_apply,
    serves="",
)
