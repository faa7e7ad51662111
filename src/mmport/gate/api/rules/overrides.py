"""A hook is overridden with parameters that vLLM does not call it with."""

from __future__ import annotations

from collections.abc import Iterator

from mmport.gate.api.hit import Hit
from mmport.gate.rule import Group, Rule
from mmport.model.finding import Severity
from mmport.usage.source import ModelClass
from mmport.usage.view import View
from mmport.vllm_api.changes import is_passed, is_unpassed
from mmport.vllm_api.frame import is_frame
from mmport.vllm_api.surface.signatures import (
    Misfit,
    Signature,
    cannot_stand_for,
    of_arguments,
    of_stub,
)
from mmport.vllm_api.surface.stubs import FunctionNode

_NOT_CALLED = {"__init__", "__new__", "__init_subclass__", "forward"}

RULE = Rule(
    "override-misfit",
    "A hook is overridden with parameters that the release does not call it with.",
    Severity.ERROR,
    "take what the release gives",
    Group.API,
)


def check(view: View) -> Iterator[Hit]:
    """Find overrides of the frame's hooks that do not take what vLLM gives."""
    for item in view.file.classes.values():
        for name, method in item.methods.items():
            if name not in _NOT_CALLED:
                yield from _misfit(view, item, name, method)


def _misfit(view: View, item: ModelClass, name: str, method: FunctionNode) -> Iterator[Hit]:
    member = view.inherited(item, name, implied=True)
    if member is None or not is_frame(member.owner.module):
        return
    base = of_stub(member.stub)
    static = any(getattr(one, "id", "") == "staticmethod" for one in method.decorator_list)
    if base is None or static or "staticmethod" in member.stub.partition("def")[0]:
        return
    owner, version = member.owner.name, view.names.version
    own = of_arguments(method.args).bound()
    found = [
        one
        for one in cannot_stand_for(own, base.bound())
        if not is_unpassed(owner, name, one.parameter)
    ]
    for mild in (False, True):
        fixes = {one: _given(owner, name, one, own, version) for one in found}
        some = [one for one in found if (one.optional and not fixes[one]) is mild]
        if some:
            told = ", and ".join(map(str, some))
            fix = next((fixes[one] for one in some if fixes[one]), "")
            fix = fix or f"{owner} has {name}{member.stub.partition('def ')[2]}"
            yield Hit(method, f"{name} of {item.name} {told}", fix, mild=mild)


def _given(owner: str, name: str, misfit: Misfit, own: Signature, version: str) -> str:
    """Say what to write where vLLM gives a parameter that it need not; by name, as it does."""
    return "" if own.kwargs else is_passed(owner, name, misfit.parameter, version)
