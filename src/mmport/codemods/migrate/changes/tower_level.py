"""Checkpoints of transformers 5 lack a level in the names of an encoder that vLLM's class has."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from mmport.codemods.imports import Imported
from mmport.codemods.migrate.codemod import Codemod, Edits
from mmport.codemods.migrate.reading import Reading
from mmport.usage.source import ModelClass
from mmport.usage.walking import walk
from mmport.vllm_api.changes import changes
from mmport.vllm_api.surface.stubs import FunctionNode

_MAPPER, _PREFIXES = "hf_to_vllm_mapper", "orig_to_new_prefix"
_WIDTH = 88


def _apply(reading: Reading) -> Edits:
    edits = Edits()
    for item in reading.heirs("SupportsMultiModal"):
        init, maps = item.methods.get("__init__"), _prefixes(item)
        if init is not None and maps is not None:
            towers = [one for one in _towers(reading, init) if _only_lifts(maps.value, one[0])]
            if towers:
                _put(reading, maps, towers, edits)
    return edits


def _prefixes(item: ModelClass) -> ast.keyword | None:
    """Find the prefixes of a class's own mapper, where it maps by nothing else."""
    match item.attributes.get(_MAPPER):
        case ast.Assign(value=value) | ast.AnnAssign(value=value):
            match value:
                case ast.Call(args=[], keywords=[ast.keyword(arg=arg, value=ast.Dict()) as maps]):
                    return maps if arg == _PREFIXES else None
    return None


def _only_lifts(maps: ast.expr, part: str) -> bool:
    """Tell whether a part is only lifted from below `model`, where its names stay what they are."""
    if not isinstance(maps, ast.Dict) or None in maps.keys:
        return False
    rows = {
        key.value: ast.unparse(value)
        for key, value in zip(maps.keys, maps.values, strict=True)
        if isinstance(key, ast.Constant)
    }
    named = {key for key in rows if part in str(key).split(".")}
    return named == {f"model.{part}."} and rows[f"model.{part}."] == repr(f"{part}.")


def _towers(reading: Reading, init: FunctionNode) -> Iterator[tuple[str, str]]:
    """Give the attributes that hold an encoder with such a level, and the level."""
    for node in walk(init):
        match node:
            case ast.Assign(
                targets=[ast.Attribute(value=ast.Name(id="self"), attr=part)],
                value=ast.Call(func=func),
            ):
                made = list(_made(reading, func))
                levels = {_level(reading, one) for one in made}
                if len(levels) == 1 and (level := levels.pop()):
                    yield part, level


def _made(reading: Reading, called: ast.expr) -> Iterator[ast.expr]:
    """Give what makes an attribute: a class, or all that a function of the file returns."""
    function = next(
        (
            one
            for one in reading.tree.body
            if isinstance(one, FunctionNode)
            and isinstance(called, ast.Name)
            and one.name == called.id
        ),
        None,
    )
    if function is None:
        yield called
        return
    for part in walk(function):
        if isinstance(part, ast.Return) and part.value is not None:
            value = part.value
            yield value.func if isinstance(value, ast.Call) else value


def _level(reading: Reading, made: ast.expr) -> str:
    found = reading.of(made)
    for one in changes().level:
        if (found.module, found.name) == (one.module, one.name):
            return one.level
    return ""


def _put(reading: Reading, maps: ast.keyword, towers: list[tuple[str, str]], edits: Edits) -> None:
    start, end = reading.span(maps)
    row = reading.text[reading.line_start(start) : start]
    own = row[: len(row) - len(row.lstrip(" \t"))]
    indent = f"{own}    " if row.strip() else own
    lines = [
        f"# Transformers 5 drops {_told(towers)} from the names.",
        "orig_to_new_regex={",
        *(line for one in towers for line in _broken(indent, *_row(one))),
        "},",
        "",
    ]
    code = f"\n{indent}".join(lines)
    if row.strip():
        edits.put(start, start, f"\n{indent}{code}")
        comma = re.match(r"\s*,[ \t]*(?=\))", reading.text[end:])
        edits.put(end, end + (comma.end() if comma else 0), f",\n{own}")
    else:
        edits.put(start, start, code)
    edits.imports.append(Imported("re", "", "re"))


def _told(towers: list[tuple[str, str]]) -> str:
    return " and ".join(dict.fromkeys(f"`{level}`" for _, level in towers))


def _row(tower: tuple[str, str]) -> tuple[str, str]:
    part, level = tower
    return rf'r"^(?:model\.)?{part}\.(?:{level}\.)?"', f'"{part}.{level}."'


def _broken(indent: str, pattern: str, name: str) -> list[str]:
    row = f"    re.compile({pattern}): {name},"
    if len(indent) + len(row) <= _WIDTH:
        return [row]
    return ["    re.compile(", f"        {pattern}", f"    ): {name},"]


CODEMOD = Codemod(
    id="tower-level",
    summary="An encoder's names are read with and without the level that transformers 5 dropped",
    since="0.19.0",
    instead="WeightsMapper(orig_to_new_regex={…})",
    reference="save_pretrained of transformers 5, which vLLM 0.19.0 brings; WeightsMapper",
    risk="review",
    apply=_apply,
)
