"""`forward` is given neither the cache of keys and values nor what attention is to know."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from mmport.codemods.migrate.codemod import Codemod, Edits, Note
from mmport.codemods.migrate.editing import drop_items, drop_parameters
from mmport.codemods.migrate.reading import Placed, Reading
from mmport.vllm_api.surface.stubs import FunctionNode

_NAMES = ("kv_caches", "kv_cache", "attn_metadata")


def _apply(reading: Reading) -> Edits:
    edits = Edits()
    functions = [one for one in reading.nodes if isinstance(one, FunctionNode)]
    taking = [(one, gone) for one in functions if (gone := _taken(one))]
    readers = [(one, found) for one, gone in taking if (found := _read_otherwise(one, gone))]
    if readers:
        # Who passes them on passes them to who reads them, so all of it stays.
        edits.notes += [_note(reading, one, found) for one, found in readers]
        return edits
    for function, gone in taking:
        drop_parameters(reading, function, gone, edits)
        _drop_passed(reading, function, gone, edits)
    return edits


def _taken(function: FunctionNode) -> list[ast.arg]:
    return [one for one in function.args.args if one.arg in _NAMES]


def _drop_passed(
    reading: Reading, function: FunctionNode, gone: list[ast.arg], edits: Edits
) -> None:
    for part in _passing(function):
        if isinstance(part, ast.Call):
            given: list[Placed] = [*part.args, *part.keywords]
            drop = [one for one in given if _is_one(one, gone)]
            if drop:
                drop_items(reading, given, drop, edits)
        else:
            for key, value in zip(part.keys, part.values, strict=True):
                if key is not None and _is_one(value, gone):
                    _drop_pair(reading, key, value, edits)


def _drop_pair(reading: Reading, key: ast.expr, value: ast.expr, edits: Edits) -> None:
    start, end = reading.line_start(reading.span(key)[0]), reading.span(value)[1]
    rest = reading.text[end : reading.next_line(end)]
    alone = not reading.text[start : reading.span(key)[0]].strip() and not rest.strip(", \r\n")
    if alone:
        edits.put(start, reading.next_line(end), "")
    else:
        comma = reading.text.find(",", end)
        edits.put(reading.span(key)[0], comma + 2 if comma == end else end, "")


def _passing(function: FunctionNode) -> Iterator[ast.Call | ast.Dict]:
    return (one for one in ast.walk(function) if isinstance(one, ast.Call | ast.Dict))


def _is_one(node: Placed, gone: list[ast.arg]) -> bool:
    """Tell a parameter that is passed on, whole or an item of it."""
    value = node.value if isinstance(node, ast.keyword | ast.Subscript) else node
    return isinstance(value, ast.Name) and value.id in {one.arg for one in gone}


def _read_otherwise(function: FunctionNode, gone: list[ast.arg]) -> list[str]:
    names = {one.arg for one in gone}
    passed: set[int] = set()
    for part in _passing(function):
        values: list[Placed] = (
            [*part.values] if isinstance(part, ast.Dict) else [*part.args, *part.keywords]
        )
        for value in values:
            if _is_one(value, gone):
                passed |= {id(one) for one in ast.walk(value)}
    read = {
        part.id
        for part in ast.walk(function)
        if isinstance(part, ast.Name) and part.id in names and id(part) not in passed
    }
    return sorted(read)


def _note(reading: Reading, function: FunctionNode, names: list[str]) -> Note:
    listed = ", ".join(names)
    return Note(
        reading.scope(function),
        f"{function.name} reads {listed}, which vLLM gives to no model any more",
        "ask get_forward_context() of vllm.forward_context for what attention knows, or do without",
    )


CODEMOD = Codemod(
    id="cache-arguments",
    summary="Models and their layers are given no cache and no metadata of attention",
    since="0.8.0",
    instead="forward(input_ids, positions, intermediate_tensors, inputs_embeds)",
    reference="VllmModel.forward; Attention finds its cache itself",
    risk="safe",
    apply=_apply,
)
