"""Weights that are not to be loaded are mapped to None, in place of `skip_prefixes`."""

from __future__ import annotations

import ast

from mmport.codemods.migrate.codemod import Codemod, Edits, Note
from mmport.codemods.migrate.editing import append_argument, drop_items
from mmport.codemods.migrate.reading import Reading

_LOADER, _MAPPER = "AutoWeightsLoader", "WeightsMapper"
_UTILS = "vllm.model_executor.models.utils"
_NAME = "skipped"
_WIDTH = 88
_MAPS = {"skip_prefixes": "orig_to_new_prefix", "skip_substrs": "orig_to_new_substr"}


def _apply(reading: Reading) -> Edits:
    edits = Edits()
    for call in reading.file.calls:
        skipped = [one for one in call.keywords if one.arg in _MAPS]
        if skipped and reading.of(call.func).name == _LOADER:
            loads = _loads(reading, call)
            if not loads:
                edits.notes.append(Note(reading.scope(call), _VAGUE, _FIX))
                continue
            drop_items(reading, [*call.args, *call.keywords], skipped, edits)
            maps = _maps(reading, skipped)
            if maps:
                edits.need(_UTILS, _MAPPER)
                _put_mapper(reading, call, maps, edits)
                for load in loads:
                    _with_mapper(reading, load, edits)
    return edits


_VAGUE = "where the loader with skip_prefixes or skip_substrs is used cannot be told"
_FIX = "give load_weights(mapper=WeightsMapper(orig_to_new_prefix={prefix: None}))"


def _loads(reading: Reading, call: ast.Call) -> list[ast.Call]:
    """Find the calls of `load_weights` of a loader, in the function that makes it."""
    names = set()
    for node in reading.nodes:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if value is call:
                names.add(name)
    function = min(
        (
            node
            for node in reading.nodes
            if isinstance(node, ast.FunctionDef) and call in ast.walk(node)
        ),
        key=lambda node: (node.end_lineno or 0) - node.lineno,
        default=None,
    )
    found = []
    for node in ast.walk(function) if function else ():
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = node.func.value
            ours = owner is call or (isinstance(owner, ast.Name) and owner.id in names)
            if node.func.attr == "load_weights" and ours:
                found.append(node)
    return found


def _maps(reading: Reading, skipped: list[ast.keyword]) -> list[str]:
    parts = []
    for one in skipped:
        if isinstance(one.value, ast.Constant) and one.value.value is None:
            continue
        maybe = isinstance(one.value, ast.IfExp) and isinstance(one.value.orelse, ast.Constant)
        keys = _or_empty(reading, one.value) if maybe else reading.code(one.value)
        parts.append(f"{_MAPS[one.arg or '']}=dict.fromkeys({keys})")
    return parts


def _put_mapper(reading: Reading, call: ast.Call, maps: list[str], edits: Edits) -> None:
    """Make the mapper above the statement that makes the loader."""
    statement = min(
        (
            node
            for node in reading.nodes
            if isinstance(node, ast.stmt) and node.lineno <= call.lineno <= (node.end_lineno or 0)
        ),
        key=lambda node: (node.end_lineno or 0) - node.lineno,
    )
    indent = reading.indent(statement)
    text = f"{indent}{_NAME} = {_MAPPER}({', '.join(maps)})"
    if len(text) > _WIDTH or "\n" in text:
        inner = f"\n{indent}    "
        text = f"{indent}{_NAME} = {_MAPPER}({''.join(f'{inner}{one},' for one in maps)}\n{indent})"
    place = reading.line_start(reading.span(statement)[0])
    edits.put(place, place, f"{text}\n")


def _or_empty(reading: Reading, value: ast.expr) -> str:
    assert isinstance(value, ast.IfExp)  # noqa: S101 - the caller looked
    code = f"{reading.code(value.body)} if {reading.code(value.test)}"
    return f"{code} else []"


def _with_mapper(reading: Reading, load: ast.Call, edits: Edits) -> None:
    """Add to the mapper that is given, or give one: what is skipped is looked at last."""
    given = next((one.value for one in load.keywords if one.arg == "mapper"), None)
    if given is None and len(load.args) > 1:
        given = load.args[1]
    if given is not None:
        end = reading.span(given)[1]
        edits.put(end, end, f" | {_NAME}")
        return
    if load.args:
        append_argument(reading, load, f"mapper={_NAME}", edits)


CODEMOD = Codemod(
    id="skipped-weights",
    summary="AutoWeightsLoader's skip_prefixes and skip_substrs become a map to None",
    since="0.29.0",
    instead="load_weights(mapper=WeightsMapper(orig_to_new_prefix={prefix: None}))",
    reference="WeightsMapper",
    risk="safe",
    apply=_apply,
    serves="0.11.1",
)
