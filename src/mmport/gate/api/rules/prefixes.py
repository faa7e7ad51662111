"""A layer is told another path than its own: quantization and LoRA look for it elsewhere."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from mmport.gate.api.hit import Hit
from mmport.gate.rule import Group, Rule
from mmport.model.finding import Severity
from mmport.usage.source import ModelClass
from mmport.usage.view import View
from mmport.usage.walking import walk

RULE = Rule(
    "prefix-mismatch",
    "A layer is told a prefix that is not the path of its attribute.",
    Severity.WARNING,
    "give the layer the path of its attribute",
    Group.API,
)


_KEYWORD = "prefix"


def check(view: View) -> Iterator[Hit]:
    """Find prefixes that do not begin with the attribute that is set."""
    for item in view.file.classes.values():
        init = item.methods.get("__init__")
        for node in walk(init) if init else ():
            match node:
                case ast.Assign(
                    targets=[ast.Attribute(value=ast.Name(id="self"), attr=attribute)],
                    value=ast.Call() as value,
                ):
                    yield from _of(item, attribute, value)


def _of(item: ModelClass, attribute: str, value: ast.Call) -> Iterator[Hit]:
    for keyword in value.keywords:
        path = _below_own(keyword.value) if keyword.arg == _KEYWORD else None
        if path and path.partition(".")[0] not in ("", attribute):
            message = f"{item.name}.{attribute} is told the prefix {path!r}"
            yield Hit(keyword, message, f"give it the path of the attribute: {attribute!r}")


def _below_own(node: ast.expr) -> str | None:
    """Give what a prefix adds to the prefix of the module itself; None if it is no constant."""
    match node:
        case ast.Call(func=ast.Name(id="maybe_prefix"), args=[_, ast.Constant(value=str(path))]):
            return path
        case ast.JoinedStr(
            values=[
                ast.FormattedValue(value=ast.Name(id="prefix")),
                ast.Constant(value=str(path)),
                *_,
            ]
        ):
            return path.removeprefix(".") if path.startswith(".") else None
    return None
