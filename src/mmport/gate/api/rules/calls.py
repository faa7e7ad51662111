"""A function or class of vLLM is called with what it does not take."""

from __future__ import annotations

from collections.abc import Iterator

from mmport.gate.api.hit import Hit
from mmport.gate.rule import Group, Rule
from mmport.model.finding import Severity
from mmport.usage.view import View
from mmport.vllm_api.surface.signatures import Signature, call_of, misfits

RULE = Rule(
    "call-misfit",
    "A function or class of vLLM is called with what it does not take.",
    Severity.ERROR,
    "call it as the release has it",
    Group.API,
)


def check(view: View) -> Iterator[Hit]:
    """Find calls that vLLM's signatures do not take."""
    for call in view.file.calls:
        found = view.of(call.func)
        wanted = view.called(found) if found.known else None
        if wanted is not None:
            told = misfits(call_of(call), wanted)
            if told:
                name = found.name or found.module
                yield Hit(call, f"{name} {', and '.join(told)}", f"it is {_written(wanted)}")


def _written(wanted: Signature) -> str:
    parts = [one.name + ("=..." if one.optional else "") for one in wanted.positional]
    parts += [f"*{wanted.args}"] if wanted.args else ["*"] if wanted.keyword else []
    parts += [one.name + ("=..." if one.optional else "") for one in wanted.keyword]
    parts += [f"**{wanted.kwargs}"] if wanted.kwargs else []
    return f"({', '.join(parts)})"
