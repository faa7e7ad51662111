"""A method that vLLM called once and calls no more, or not yet: it is silently dead."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from mmport.gate.api.hit import Hit
from mmport.gate.rule import Group, Rule
from mmport.model.finding import Severity
from mmport.usage.source import ModelClass, ModelFile
from mmport.usage.view import View
from mmport.vllm_api.changes import changes, hook_change
from mmport.vllm_api.frame import Lifetime, hooks, is_frame
from mmport.vllm_api.surface.areas import lies_in
from mmport.vllm_api.surface.release import Bound
from mmport.vllm_api.surface.stubs import FunctionNode

_PROCESSING = "vllm.multimodal"

RULE = Rule(
    "hook-dead",
    "A method overrides a hook that the release does not call.",
    Severity.ERROR,
    "name it as the release calls it",
    Group.API,
)


def check(view: View) -> Iterator[Hit]:
    """Find overridden hooks that the release does not have."""
    for item in view.file.classes.values():
        for name, method in item.methods.items():
            for owner, lifetime in _elsewhere(view, item, name):
                yield from _gone(view, item, method, owner, lifetime)
                yield from _to_come(view, item, method, lifetime)


def _elsewhere(view: View, item: ModelClass, name: str) -> Iterator[tuple[Bound, Lifetime]]:
    """Give the class and the lifetime of a hook that other releases have, and this one has not."""
    if name.startswith("__") or view.inherited(item, name, implied=True) is not None:
        return
    ancestry = view.ancestry(item)
    for owner in (*ancestry.vllm, *ancestry.implied):
        if is_frame(owner.module) and (found := hooks(owner.name).get(name)):
            yield owner, found
            return


def _gone(
    view: View, item: ModelClass, method: FunctionNode, owner: Bound, lifetime: Lifetime
) -> Iterator[Hit]:
    version, name = view.names.version, method.name
    last, change = lifetime.before(version), hook_change(name, version)
    if last is None:
        return
    if change is None and _is_used(view.file, name):
        return
    if change is not None and any(
        view.defines(item, one) or _hands_on(method, one) for one in change.instead
    ):
        return
    message = f"vLLM calls no {name} of {item.name}: {last} is the last release that did"
    harmless = change is not None and (change.harmless or change.still_works(version))
    # An optional interface loses an option; what processes items is asked for each of them.
    unknown = change is None and not lies_in(owner.module, (_PROCESSING,))
    # What was written after a hook was gone is a leftover, and was never called.
    mild = harmless or unknown or not any(map(view.loads, lifetime.until(version)))
    yield Hit(method, message, change.fix if change else "", mild=mild)


def _to_come(
    view: View, item: ModelClass, method: FunctionNode, lifetime: Lifetime
) -> Iterator[Hit]:
    """Find a hook of later releases, in a class that lacks what this one has in its place."""
    first = lifetime.after(view.names.version)
    early = first and not lifetime.before(view.names.version)
    older = [one.name for one in changes().method if early and method.name in one.instead]
    # Where several became one, a class may have had use for one of them alone.
    if any(view.defines(item, name) for name in older):
        return
    for name in older:
        if view.inherited(item, name, implied=True) is not None:
            message = f"vLLM calls {method.name} of {item.name} from {first} on; before, {name}"
            yield Hit(method, message, f"name it {name}", mild=not view.loads(first or ""))


def _hands_on(method: FunctionNode, name: str) -> bool:
    """Tell a method that older releases call, and that only calls what took its place."""
    match method.body[-1]:
        case ast.Return(value=ast.Call(func=ast.Attribute(attr=called))):
            return called == name and len(method.body) == 1
    return False


def _is_used(file: ModelFile, name: str) -> bool:
    """Tell whether the file itself calls a method."""
    return any(isinstance(read.ctx, ast.Load) and read.attr == name for read in file.reads)
