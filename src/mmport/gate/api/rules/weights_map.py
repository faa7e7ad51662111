"""The weight map sends weights to an attribute that the class does not have."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from mmport.gate.api.hit import Hit
from mmport.gate.api.source import ModelClass
from mmport.gate.api.view import View
from mmport.gate.rule import Group, Rule
from mmport.model.finding import Severity
from mmport.vllm_api.frame import is_frame

RULE = Rule(
    "weights-map-target",
    "A weight map sends weights to an attribute that the class does not have.",
    Severity.WARNING,
    "map them to an attribute of the class",
    Group.API,
)


_MAPPER = "hf_to_vllm_mapper"
_PREFIXES = "orig_to_new_prefix"


def check(view: View) -> Iterator[Hit]:
    """Find new prefixes whose first part is no attribute of the class."""
    for item in view.file.classes.values():
        mapped = item.attributes.get(_MAPPER)
        ancestry = view.ancestry(item)
        inherits = any(not is_frame(one.module) for one in ancestry.vllm)
        if isinstance(mapped, ast.Assign | ast.AnnAssign) and not inherits and ancestry.whole:
            has = {name for one in (item, *ancestry.local) for name in one.attributes}
            for node in _new_prefixes(mapped):
                first = str(node.value).partition(".")[0]
                if first and first not in has:
                    yield Hit(node, *_told(item, first, has))


def _told(item: ModelClass, first: str, has: set[str]) -> tuple[str, str]:
    from difflib import get_close_matches

    near = get_close_matches(first, has, n=1)
    fix = f"{item.name} has {near[0]}" if near else ""
    return f"{item.name} has no attribute {first!r} to load weights into", fix


def _new_prefixes(mapped: ast.Assign | ast.AnnAssign) -> Iterator[ast.Constant]:
    match mapped.value:
        case ast.Call(keywords=keywords):
            for keyword in keywords:
                if keyword.arg == _PREFIXES and isinstance(keyword.value, ast.Dict):
                    for value in keyword.value.values:
                        if isinstance(value, ast.Constant) and isinstance(value.value, str):
                            yield value
