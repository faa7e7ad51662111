"""Methods of vLLM's own models take and want more: those that a file overrides, or calls."""

from __future__ import annotations

import ast

from mmport.codemods.migrate.changes.data_parser import info_of
from mmport.codemods.migrate.codemod import Codemod, Edits
from mmport.codemods.migrate.editing import append_argument, append_parameters, drop_parameters
from mmport.codemods.migrate.reading import Reading
from mmport.usage.source import ModelClass
from mmport.usage.view import View
from mmport.usage.walking import walk
from mmport.vllm_api.frame import is_frame
from mmport.vllm_api.surface.signatures import Signature, cannot_stand_for, of_arguments, of_stub
from mmport.vllm_api.surface.stubs import FunctionNode

_NOTHING = {"mm_kwargs": "{}"}
"""What to give for a new parameter where a call had nothing of the kind: no options."""


def _apply(reading: Reading) -> Edits:
    edits = Edits()
    for item in reading.file.classes.values():
        for name, method in item.methods.items():
            if not name.startswith("__") and not method.decorator_list:
                _take(reading, item, method, edits)
            _give(reading, item, method, edits)
    return edits


def _take(reading: Reading, item: ModelClass, method: FunctionNode, edits: Edits) -> None:
    before, after = (_base(view, item, method.name) for view in (reading.before, reading.after))
    if before is None or after is None:
        return
    own = of_arguments(method.args).bound()
    named = {one.name for one in after.keyword} - set(before.names)
    new = [
        one.parameter
        for one in cannot_stand_for(own, after)
        if one.lacking and one.parameter in named
    ]
    if new:
        star = [] if method.args.kwonlyargs or method.args.vararg else ["*"]
        parameters = [*star, *(f"{name}: object = None" for name in new)]
        append_parameters(reading, method, parameters, edits)
    _leave(reading, method, set(before.names) - set(after.names), edits)


def _leave(reading: Reading, method: FunctionNode, gone: set[str], edits: Edits) -> None:
    """Take no more what is not given any more, where the method and the file have no use for it."""
    read = {node.id for node in walk(method) if isinstance(node, ast.Name)}
    called = any(getattr(call.func, "attr", "") == method.name for call in reading.file.calls)
    unused = [one for one in method.args.args if one.arg in gone - read]
    if unused and not called and not method.args.defaults:
        drop_parameters(reading, method, unused, edits)


def _give(reading: Reading, item: ModelClass, method: FunctionNode, edits: Edits) -> None:
    """Give inherited methods what they cannot do without any more, where nothing is at hand."""
    for node in walk(method):
        match node:
            case ast.Call(func=ast.Attribute(value=owner, attr=name)) as call:
                whose = ast.unparse(owner)
                kind = _of(reading, item, whose)
                if kind is None or (kind.own(name) and whose != "super()"):
                    continue
                before, after = (
                    _base(view, kind, name) for view in (reading.before, reading.after)
                )
                wanted = set(after.required) - set(before.names) if before and after else set()
                named = {one.arg for one in call.keywords}
                for parameter in (
                    sorted(wanted & set(_NOTHING) - named) if None not in named else ()
                ):
                    append_argument(reading, call, f"{parameter}={_NOTHING[parameter]}", edits)


def _of(reading: Reading, item: ModelClass, owner: str) -> ModelClass | None:
    """Find the class of the file that an object is of: the method's own, or its information."""
    if owner in ("self", "super()"):
        return item
    return info_of(reading, item) if owner == "self.info" else None


def _base(view: View, item: ModelClass, name: str) -> Signature | None:
    """Give what a method of vLLM's takes that a class overrides; of vLLM's frame others see."""
    member = view.inherited(item, name)
    if member is None or is_frame(member.owner.module):
        return None
    read = of_stub(member.stub)
    static = "staticmethod" in member.stub.partition("def")[0]
    return read.bound() if read is not None and not static else None


CODEMOD = Codemod(
    id="inherited-parameters",
    summary="An overridden method of one of vLLM's models takes what the release gives it",
    since="",
    instead="the parameter, which may be left out",
    reference="the signatures of vLLM's own models",
    risk="review",
    apply=_apply,
)
