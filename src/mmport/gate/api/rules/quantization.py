"""A parallel layer is built without `quant_config`: a quantized checkpoint loads wrong."""

from __future__ import annotations

from collections.abc import Iterator

from mmport.gate.api.hit import Hit
from mmport.gate.api.view import View
from mmport.gate.rule import Group, Rule
from mmport.model.finding import Severity
from mmport.vllm_api.surface.signatures import call_of

RULE = Rule(
    "quant-config-missing",
    "A parallel layer is built without the quant_config that is at hand.",
    Severity.WARNING,
    "pass quant_config on",
    Group.API,
)


_LINEAR = "vllm.model_executor.layers.linear"
_BASE = "LinearBase"
_KEYWORD = "quant_config"


def check(view: View) -> Iterator[Hit]:
    """Find parallel layers that are given no quantization, where there is one to give."""
    given = _functions_with_it(view)
    for call in view.file.calls:
        if _KEYWORD in {one.arg for one in call.keywords} or call_of(call).spreads_kwargs:
            continue
        within = any(first <= call.lineno <= last for first, last in given)
        found = view.of(call.func) if within else None
        if found is not None and found.module == _LINEAR and found.is_class:
            lineage = view.names.lineage(found).classes
            takes = view.constructor(found)
            place = takes.names.index(_KEYWORD) if takes and _KEYWORD in takes.names else -1
            by_place = 0 <= place < call_of(call).positional
            if place >= 0 and not by_place and any(one.name == _BASE for one in lineage):
                yield Hit(call, f"{found.name} is built without {_KEYWORD}", "pass quant_config on")


def _functions_with_it(view: View) -> list[tuple[int, int]]:
    """Give the lines of functions that have a `quant_config` to pass on."""
    found = []
    for item in view.file.classes.values():
        for method in item.methods.values():
            names = {one.arg for one in (*method.args.args, *method.args.kwonlyargs)}
            if _KEYWORD in names:
                found.append((method.lineno, method.end_lineno or method.lineno))
    return found
