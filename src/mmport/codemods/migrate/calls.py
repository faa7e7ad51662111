"""Calls of what is vLLM's, by its name or over `super()`, and what these take on both sides."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from mmport.codemods.migrate.changes.moved_imports import now
from mmport.codemods.migrate.reading import Reading
from mmport.usage.source import ModelClass
from mmport.usage.view import View
from mmport.usage.walking import walk
from mmport.vllm_api.surface.release import Bound
from mmport.vllm_api.surface.signatures import Signature, of_stub


@dataclass(frozen=True, slots=True)
class Called:
    """A call, what it is of in the file's own release, and what that took and takes."""

    call: ast.Call
    module: str
    name: str
    before: Signature
    after: Signature

    @property
    def makes(self) -> bool:
        """Tell a call of the class or function itself from one of another method over `super()`."""
        match self.call.func:
            case ast.Attribute(value=over, attr=name) if _is_super(over):
                return name == "__init__"
        return True


def called(reading: Reading) -> Iterator[Called]:
    """Give the calls of classes and functions, and of methods over `super()`.

    Those of a method over its class are for the codemods that know what became of it.
    """
    for call in reading.file.calls:
        found = reading.before.of(call.func)
        if found.known and "." not in found.name:
            yield from _both(call, found, *_signatures(reading, call, found))
    for item in reading.file.classes.values():
        for method in item.methods.values():
            for node in walk(method):
                match node:
                    case ast.Call(func=ast.Attribute(value=over, attr=name)) if _is_super(over):
                        yield from _over_super(reading, item, node, name)


def _is_super(node: ast.expr) -> bool:
    match node:
        case ast.Call(func=ast.Name(id="super"), args=[]):
            return True
    return False


def _signatures(
    reading: Reading, call: ast.Call, found: Bound
) -> tuple[Signature | None, Signature | None]:
    return reading.before.called(found), reading.after.called(now(reading, call.func))


def _over_super(reading: Reading, item: ModelClass, call: ast.Call, name: str) -> Iterator[Called]:
    member = reading.before.inherited(item, name)
    if member is not None:
        before, after = (_inherited(view, item, name) for view in (reading.before, reading.after))
        yield from _both(call, member.owner, before, after)


def _inherited(view: View, item: ModelClass, name: str) -> Signature | None:
    member = view.inherited(item, name)
    read = of_stub(member.stub) if member is not None else None
    return read.bound() if read is not None else None


def _both(
    call: ast.Call, found: Bound, before: Signature | None, after: Signature | None
) -> Iterator[Called]:
    if before is not None and after is not None:
        yield Called(call, found.module, found.name, before, after)
