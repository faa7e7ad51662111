"""`get_rope` is given one dictionary of parameters, which the config has by that name too."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from mmport.codemods.migrate.backends import last_name
from mmport.codemods.migrate.codemod import Codemod, Edits, Note
from mmport.codemods.migrate.editing import drop_items
from mmport.codemods.migrate.reading import Reading

_FUNCTION = "get_rope"
_MODULE = "vllm.model_executor.layers.rotary_embedding"
_GONE = ("rotary_dim", "base", "rope_scaling", "partial_rotary_factor")
_NOW, _THETA, _SIZE = "rope_parameters", "rope_theta", "head_size"
_FACTOR, _DIM = "partial_rotary_factor", "rope_dim"
_OLD_ORDER = ("head_size", "rotary_dim", "max_position", "base", "is_neox_style", "rope_scaling")
_CONFIG = re.compile(r"(^|_)(config|cfg)$")
_WHOLE = re.compile(r"\*\*\((\w+(?:\.\w+)*) or \{\}\)")
_PLAIN = re.compile(r"[\w.]+")
_BY_LAYER = "rope_local_base_freq"
_WIDTH = 88

_Given = ast.expr | ast.keyword


def _calls(reading: Reading) -> Edits:
    edits = Edits()
    for call in reading.file.calls:
        if last_name(call.func) == _FUNCTION and _is_vllms(reading, call):
            _one_dictionary(reading, call, edits)
    return edits


def _is_vllms(reading: Reading, call: ast.Call) -> bool:
    found = reading.of(call.func)
    return found.known and found.module.startswith(_MODULE)


def _one_dictionary(reading: Reading, call: ast.Call, edits: Edits) -> None:
    if any(one.arg is None for one in call.keywords):
        fix = f"give what it calls {', '.join(_GONE)} in {_NOW}"
        edits.notes.append(Note(reading.scope(call), f"{_FUNCTION} is given what ** holds", fix))
        return
    order = _order(reading, call)
    given: dict[str, _Given] = dict(zip(order, call.args, strict=False))
    given |= {one.arg: one for one in call.keywords if one.arg}
    gone = {name: one for name, one in given.items() if name in _not_taken(reading)}
    if not gone:
        return
    entries = _entries(reading, given, set(gone))
    if _NOW in given:
        gone[_NOW] = given[_NOW]
    items: list[_Given] = [*call.args, *call.keywords]
    names = {id(one): name for name, one in given.items()}
    places = [place for place, one in enumerate(items) if one in gone.values()]
    for place, one in enumerate(call.args):
        if place > places[0] and place not in places:
            start = reading.span(one)[0]
            edits.put(start, start, f"{names[id(one)]}=")
    last = items[places[-1]]
    if entries:
        edits.put(*reading.span(last), _fitted(reading, last, entries))
    useless = [one for one in gone.values() if one is not last or not entries]
    drop_items(reading, items, useless, edits)


def _fitted(reading: Reading, place: _Given, entries: list[str]) -> str:
    """Write the dictionary in one line, or one entry a line."""
    indent = reading.indent_of(place.lineno)
    code = f"{_NOW}={{{', '.join(entries)}}}"
    if len(entries) == 1 and (whole := _WHOLE.fullmatch(entries[0])):
        return f"{_NOW}={whole.group(1)}"
    if len(indent) + len(code) < _WIDTH:
        return code
    inner = "".join(f"{indent}    {one},\n" for one in entries)
    return f"{_NOW}={{\n{inner}{indent}}}"


def _not_taken(reading: Reading) -> set[str]:
    """Name what the target takes no more: a release took what is rotated beside the dictionary."""
    found = reading.after.names.find(_MODULE, _FUNCTION)
    takes = reading.after.called(found) if found is not None else None
    return set(_GONE) - set(takes.names if takes is not None else ())


def _order(reading: Reading, call: ast.Call) -> tuple[str, ...]:
    """Give the names of what a call gives by place, in the release that it was written for."""
    takes = reading.before.called(reading.before.of(call.func))
    return tuple(one.name for one in takes.positional) if takes is not None else _OLD_ORDER


def _value(one: _Given) -> ast.expr:
    return one.value if isinstance(one, ast.keyword) else one


def _entries(reading: Reading, given: dict[str, _Given], gone: set[str]) -> list[str]:
    """Write the entries of the dictionary; what a config has already goes over what is given."""
    found: list[str] = []
    code = {name: reading.code(_value(one)) for name, one in given.items()}
    if "base" in code:
        found.append(f'"{_THETA}": {code["base"]}')
    for name in ("rope_scaling", _NOW):
        match _value(given[name]) if name in given else None:
            case None | ast.Constant(value=None):
                pass
            case ast.Dict(keys=keys, values=values):
                for key, one in zip(keys, values, strict=True):
                    found.append(f"{reading.code(key)}: " if key else "**")
                    found[-1] += _bracketed(reading, one) if key is None else reading.code(one)
            case _:
                found.append(f"**({code[name]} or {{}})")
    return [*found, *(_part(reading, code) if gone & {"rotary_dim", _FACTOR} else ())]


def _bracketed(reading: Reading, node: ast.expr) -> str:
    code = reading.code(node)
    return f"({code})" if isinstance(node, ast.BoolOp | ast.IfExp) else code


def _part(reading: Reading, code: dict[str, str]) -> list[str]:
    """Say how much of a head is rotated, if it is not all."""
    dim, factor = code.get("rotary_dim", code.get(_SIZE)), code.get(_FACTOR)
    if dim == code.get(_SIZE):
        return [f'"{_FACTOR}": {factor}'] if factor else []
    part = f"int({dim} * {factor})" if factor else dim
    whole = part if _PLAIN.fullmatch(part or "") else f"({part})"
    return [f'"{_FACTOR}": {whole} / {code.get(_SIZE)}']


def _in_dimensions(reading: Reading) -> Edits:
    """Give a number of dimensions in place of what it is of a head: nothing is lost in dividing."""
    edits = Edits()
    for call in reading.file.calls:
        if last_name(call.func) == _FUNCTION and _is_vllms(reading, call):
            for key, part in _shares(call):
                edits.put(*reading.span(key), f'"{_DIM}"')
                edits.put(*reading.span(part), reading.code(part.left))
    return edits


def _shares(call: ast.Call) -> Iterator[tuple[ast.expr, ast.BinOp]]:
    """Find `"partial_rotary_factor": part / head_size` in a call's dictionary."""
    given = {one.arg: one.value for one in call.keywords}
    size = given.get(_SIZE, call.args[0] if call.args else None)
    match given.get(_NOW):
        case ast.Dict(keys=keys, values=values) if size is not None:
            for key, value in zip(keys, values, strict=True):
                match key, value:
                    case ast.Constant(value=name), ast.BinOp(op=ast.Div(), right=right):
                        if name == _FACTOR and ast.unparse(right) == ast.unparse(size):
                            yield key, value


def _reads(reading: Reading) -> Edits:
    """Ask a config for its base where configs keep it."""
    edits = Edits()
    if not any(item.name == _FUNCTION for item in reading.file.imports):
        return edits
    by_layer = [one for one in reading.file.reads if one.attr == _BY_LAYER]
    if by_layer:
        what = f"{_NOW} of a config holds a dictionary for each type of layer"
        fix = f"get_rope(…, {_NOW}=config.{_NOW}[layer_type])"
        edits.notes.append(Note(reading.scope(by_layer[0]), what, fix))
        return edits
    for node in reading.nodes:
        match node:
            case ast.Attribute(value=owner, attr=attr, ctx=ast.Load()):
                if attr == _THETA and _CONFIG.search(last_name(owner)):
                    end = reading.span(node)[1]
                    edits.put(end - len(_THETA), end, f'{_NOW}["{_THETA}"]')
            case ast.Call(
                func=ast.Name(id="getattr"), args=[owner, ast.Constant(value=asked), other]
            ):
                if asked == _THETA and _CONFIG.search(last_name(owner)):
                    whose, default = reading.code(owner), reading.code(other)
                    code = f'getattr({whose}, "{_NOW}", {{}}).get("{_THETA}", {default})'
                    edits.put(*reading.span(node), code)
    return edits


CODEMODS = (
    Codemod(
        id="rope-theta",
        summary=f"A config's {_THETA} is asked for in its {_NOW}",
        since="0.12.0",
        instead=f'config.{_NOW}["{_THETA}"]',
        reference="transformers 5 keeps it there alone, and vLLM puts it there before",
        risk="safe",
        apply=_reads,
    ),
    Codemod(
        id="rope-parameters",
        summary=f"{_FUNCTION} takes {_NOW} in place of {', '.join(_GONE)}",
        since="0.12.0",
        outlives="0.12.0",
        instead=f"{_FUNCTION}(head_size, max_position, is_neox_style, {_NOW})",
        reference=f"{_MODULE}.{_FUNCTION}",
        risk="safe",
        apply=_calls,
    ),
    Codemod(
        id="rope-dimensions",
        summary=f"A part of a head is rotated by its number of dimensions, {_DIM}",
        since="0.20.0",
        instead=f'rope_parameters={{"{_DIM}": …}}',
        reference=f"{_MODULE}.{_FUNCTION}",
        risk="safe",
        apply=_in_dimensions,
    ),
)
