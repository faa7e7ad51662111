"""Something is asked of a module, class or registry of vLLM that the release does not have."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from mmport.gate.api.hit import Hit
from mmport.gate.rule import Group, Rule
from mmport.model.finding import Severity
from mmport.usage.source import ModelClass
from mmport.usage.view import View
from mmport.usage.walking import walk
from mmport.usage.whereabouts import whereabouts
from mmport.vllm_api.changes import hook_change
from mmport.vllm_api.frame import hooks, is_frame

RULE = Rule(
    "attribute-gone",
    "A module, class or registry of vLLM is asked for what it does not have.",
    Severity.ERROR,
    "use what the release has",
    Group.API,
)


def check(view: View) -> Iterator[Hit]:
    """Find attributes that are not there."""
    for read in view.file.reads:
        if isinstance(read.ctx, ast.Load):
            owner = view.of(read.value)
            if owner.known and view.attribute(owner, read.attr) is None:
                kind = view.instance_of(owner) or owner
                fix = whereabouts(view.names, kind.path, read.attr)
                yield Hit(read, f"{owner.path} has no {read.attr}", fix)
    for item in view.file.classes.values():
        yield from _of_itself(view, item)


def _of_itself(view: View, item: ModelClass) -> Iterator[Hit]:
    """Find what a class asks of its base in vLLM, which its base had once."""
    ancestry = view.ancestry(item)
    frame = [owner for owner in ancestry.vllm if is_frame(owner.module)]
    if not frame:
        return
    for read in _reads(item):
        name = read.attr
        over_base = isinstance(read.value, ast.Call)
        if (view.defines(item, name) and not over_base) or view.inherited(item, name, implied=True):
            continue
        owner = next((one for one in frame if name in hooks(one.name)), None)
        last = owner and hooks(owner.name)[name].before(view.names.version)
        if owner is not None and last and not name.startswith("__"):
            message = f"{owner.name} has no {name}: {last} is the last release that had it"
            change = hook_change(name, view.names.version)
            fix = whereabouts(view.names, owner.path, name) or (change.fix if change else "")
            yield Hit(read, message, fix)


def _reads(item: ModelClass) -> Iterator[ast.Attribute]:
    """Give what methods read of `self` and of `super()`."""
    for method in item.methods.values():
        for part in walk(method):
            match part:
                case ast.Attribute(value=ast.Name(id="self"), ctx=ast.Load()):
                    yield part
                case ast.Attribute(value=ast.Call(func=ast.Name(id="super")), ctx=ast.Load()):
                    yield part
