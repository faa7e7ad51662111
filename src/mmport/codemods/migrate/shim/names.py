"""A hook that was renamed within a span of releases goes by both names."""

from __future__ import annotations

from mmport.codemods.migrate.codemod import Codemod, Edits
from mmport.codemods.migrate.editing import put_method
from mmport.codemods.migrate.reading import Reading
from mmport.usage.source import ModelClass
from mmport.vllm_api.changes import MethodChange, changes


def _apply(reading: Reading) -> Edits:
    edits = Edits()
    for change in changes().method:
        if change.renamed:
            for item in reading.heirs(change.owner):
                _named_twice(reading, item, change, edits)
    return edits


def _named_twice(reading: Reading, item: ModelClass, change: MethodChange, edits: Edits) -> None:
    old, new = change.name, change.instead[0]
    method = item.methods.get(new)
    if method is None or item.own(old) or not _is_asked(reading, item, old, new):
        return
    body = item.node.body
    place = body.index(method) + 1 if method in body else len(body)
    code = f"# What vLLM before {change.since} calls it.\n{old} = {new}"
    put_method(reading, item, code, edits, before=body[place] if place < len(body) else None)


def _is_asked(reading: Reading, item: ModelClass, old: str, new: str) -> bool:
    """Tell whether a release of the span has the old hook and not the new one."""
    return any(
        view.inherited(item, old, implied=True) is not None
        and view.inherited(item, new, implied=True) is None
        for view in reading.views
    )


CODEMOD = Codemod(
    id="both-names",
    summary="Hooks that were renamed go by both names",
    since="",
    instead="old = new",
    reference="the renamed methods of changes.toml",
    risk="safe",
    apply=_apply,
)
