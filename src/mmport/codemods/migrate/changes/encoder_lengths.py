"""An encoder's longest sequence is a tensor, and every kernel that wants it is given it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from mmport.codemods.migrate.backends import last_name, members
from mmport.codemods.migrate.codemod import Codemod, Edits
from mmport.codemods.migrate.reading import Reading
from mmport.vllm_api.surface.modules import PACKAGE

_LAYER = "MMEncoderAttention"
_FLASH, _TRITON = "FLASH_ATTN", "TRITON_ATTN"
_LONGEST = re.compile(r"^max_seq_?len")


def _tensors(reading: Reading) -> Edits:
    edits = Edits()
    for target, value in _lengths(reading) if _attends(reading) else ():
        match value:
            case ast.Call(
                func=ast.Attribute(
                    value=ast.Call(func=ast.Attribute(attr="max")) as longest, attr="item"
                ),
                args=[],
            ) if isinstance(target, ast.Name):
                edits.put(reading.span(longest)[1], reading.span(value)[1], "")
    return edits


def _attends(reading: Reading) -> bool:
    return any(isinstance(one, ast.Name) and one.id == _LAYER for one in reading.nodes)


def _lengths(reading: Reading) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Find where the longest sequence is set."""
    given = {
        last_name(one.value)
        for call in reading.file.calls
        for one in call.keywords
        if one.arg and _LONGEST.match(one.arg)
    }
    for node in reading.nodes:
        match node:
            case ast.Assign(targets=[ast.Name(id=name) as target], value=value):
                if name in given or _LONGEST.match(name):
                    yield target, value


def _for_triton(reading: Reading) -> Edits:
    edits = Edits()
    for node in reading.nodes:
        if isinstance(node, ast.If) and any(_sets_longest(one) for one in node.body):
            _with_triton(reading, node.test, edits)
    return edits


def _sets_longest(node: ast.stmt) -> bool:
    match node:
        case ast.Assign(targets=[target]):
            return bool(_LONGEST.match(last_name(target)))
    return False


def _with_triton(reading: Reading, test: ast.expr, edits: Edits) -> None:
    named = members(reading, test)
    kinds = {one.attr for one in named}
    if _FLASH not in kinds or _TRITON in kinds:
        return
    new = f"{ast.unparse(named[0].value)}.{_TRITON}"
    match test:
        case ast.Compare(
            ops=[ast.In()], comparators=[ast.Set() | ast.Tuple() | ast.List() as kinds_of]
        ):
            end = reading.span(kinds_of.elts[-1])[1]
            edits.put(end, end, f"{_between(reading, kinds_of.elts)}{new}")
        case ast.Compare(left=left, ops=[ast.Eq() | ast.Is()]):
            edits.put(
                *reading.span(test), f"{ast.unparse(left)} in ({ast.unparse(named[0])}, {new})"
            )
        case ast.BoolOp(op=ast.Or(), values=[*_, ast.Compare(left=left, ops=[ast.Eq()]) as last]):
            start, end = reading.span(test)[0], reading.span(last)[1]
            between = reading.text[start:end][reading.span(test.values[-2])[1] - start :]
            word = re.match(r"\s*or\s+", between)
            edits.put(end, end, f"{word.group() if word else ' or '}{ast.unparse(left)} == {new}")


def _between(reading: Reading, items: list[ast.expr]) -> str:
    """Give what parts the items of a list, as it is written."""
    last = items[-1]
    if len(items) > 1 and items[-2].lineno < last.lineno:
        return ",\n" + " " * last.col_offset
    return ", "


CODEMODS = (
    Codemod(
        id="longest-sequence",
        summary="An encoder's longest sequence stays a tensor",
        since="0.13.0",
        instead="(cu_seqlens[1:] - cu_seqlens[:-1]).max()",
        reference=f"{PACKAGE}.model_executor.layers.attention.{_LAYER}",
        risk="safe",
        apply=_tensors,
    ),
    Codemod(
        id="longest-for-triton",
        summary="An encoder's longest sequence is found for the Triton kernel too",
        since="0.17.0",
        instead=f"{_TRITON} beside {_FLASH}",
        reference=f"{PACKAGE}.model_executor.layers.attention.{_LAYER}",
        risk="safe",
        apply=_for_triton,
    ),
)
