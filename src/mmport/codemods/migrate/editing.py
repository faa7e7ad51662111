"""Changes of a text that leave all other bytes as they are."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Collection, Iterable, Sequence

from mmport.codemods.migrate.codemod import Edit, Edits
from mmport.codemods.migrate.reading import Placed, Reading
from mmport.usage.source import ModelClass
from mmport.vllm_api.surface.stubs import FunctionNode

_UNIT = "    "


def edited(text: str, changes: Iterable[Edit]) -> str:
    """Apply changes; one that lies within another is part of it, and not done by itself."""
    newline = "\r\n" if "\r\n" in text else "\n"
    done: list[str] = []
    place = 0
    for change in sorted(set(changes), key=lambda one: (one.start, -one.end)):
        if change.start < place:
            continue
        written = change.text.replace("\r\n", "\n").replace("\n", newline)
        done += [text[place : change.start], written]
        place = change.end
    return "".join([*done, text[place:]])


def drop_items(
    reading: Reading, items: Sequence[Placed], gone: Collection[Placed], edits: Edits
) -> None:
    """Take items out of what commas part; what stands around the others stays."""
    kept = [place for place, one in enumerate(items) if one not in gone]
    for place, one in enumerate(items):
        if one in gone and (not kept or place < kept[-1]):
            start = reading.span(one)[0]
            if place + 1 < len(items):
                end, following = reading.span(one)[1], _start(reading, items[place + 1])
                edits.put(start, end + _to_comment(reading.text[end:following]), "")
            else:
                edits.put(start, reading.span(one)[1], "")
    if kept and kept[-1] < len(items) - 1:
        edits.put(reading.span(items[kept[-1]])[1], reading.span(items[-1])[1], "")


def _to_comment(between: str) -> int:
    """Measure what goes with an item of what lies before the next: no comment of the next one."""
    found = re.search(r"\n[ \t]*(?=#)", between)
    return found.end() if found else len(between)


def drop_names(reading: Reading, aliases: Collection[ast.alias], edits: Edits) -> None:
    """Take names out of the imports that have them, and imports that have no name left."""
    for node in reading.nodes:
        if isinstance(node, ast.Import | ast.ImportFrom):
            gone = [one for one in node.names if one in aliases]
            if len(gone) == len(node.names):
                drop_statements(reading, [node], edits)
            elif gone:
                drop_items(reading, node.names, gone, edits)


def _start(reading: Reading, item: Placed) -> int:
    """Give where an item begins: the stars of `**kwargs` belong to it."""
    start = reading.span(item)[0]
    if not isinstance(item, ast.arg):
        return start
    stars = re.search(r"\*{1,2}\s*$", reading.text[max(start - 4, 0) : start])
    return start - (len(stars.group()) if stars else 0)


def drop_statements(reading: Reading, nodes: Sequence[ast.stmt], edits: Edits) -> None:
    """Take whole statements out, with the comments right above them.

    What stood above and below comes together as far apart as the farther of the two was.
    """
    for node in nodes:
        start, end = reading.span(node)
        start = reading.line_start(start)
        while (above := _row_above(reading, start)) is not None and above[1].startswith("#"):
            start = above[0]
        stop = reading.next_line(end)
        first, last = _blank_above(reading, start), _blank_below(reading, stop)
        below = reading.text[last : reading.next_line(last)]
        if _indent(below) < _indent(_row(reading, start)):
            edits.put(first, stop, "")  # the blank lines below belong to what follows
        elif _opens(reading, first):
            edits.put(start, last, "")
        else:
            rows = reading.text[stop:last].splitlines(keepends=True)
            fewer = min(reading.text[first:start].count("\n"), len(rows))
            edits.put(start, stop + len("".join(rows[:fewer])), "")


def _blank_above(reading: Reading, start: int) -> int:
    while (above := _row_above(reading, start)) is not None and not above[1]:
        start = above[0]
    return start


def _blank_below(reading: Reading, stop: int) -> int:
    while stop < len(reading.text) and not _row(reading, stop).strip():
        stop = reading.next_line(stop)
    return stop


def _opens(reading: Reading, start: int) -> bool:
    """Tell whether what stands above opens a block, or nothing does."""
    above = _row_above(reading, start)
    return above is None or above[1].endswith(":")


def _row(reading: Reading, place: int) -> str:
    return reading.text[place : reading.next_line(place)]


def _indent(row: str) -> int:
    return len(row) - len(row.lstrip(" \t"))


def _row_above(reading: Reading, start: int) -> tuple[int, str] | None:
    if start == 0:
        return None
    above = reading.line_start(start - 1)
    return above, reading.text[above:start].strip()


def drop_method(reading: Reading, item: ModelClass, method: FunctionNode, edits: Edits) -> None:
    """Take a method out of a class; a class that has nothing left keeps a `pass`."""
    if len(item.node.body) == 1:
        start, end = reading.span(method)
        edits.put(start, end, "pass")
        return
    drop_statements(reading, [method], edits)


def block(reading: Reading, node: ast.stmt, code: str) -> str:
    """Write code, indented by four spaces a level, at the level of a statement."""
    indent = reading.indent(node)
    unit = "\t" if indent.startswith("\t") else _UNIT
    lines = textwrap.dedent(code).strip("\n").split("\n")
    rows = []
    for line in lines:
        bare = line.lstrip(" ")
        depth = (len(line) - len(bare)) // len(_UNIT)
        rows.append(f"{indent}{unit * depth}{bare}" if bare else "")
    return "\n".join(rows)


def put_method(
    reading: Reading, item: ModelClass, code: str, edits: Edits, *, before: ast.stmt | None = None
) -> None:
    """Put a method into a class: before a statement, or behind its last one."""
    if before is not None:
        place = reading.line_start(reading.span(before)[0])
        while (above := _row_above(reading, place)) is not None and above[1].startswith("#"):
            place = above[0]
        edits.put(place, place, f"{block(reading, before, code)}\n\n")
        return
    last = item.node.body[-1]
    end = reading.span(last)[1]
    if isinstance(last, ast.Pass) or _is_ellipsis(last):
        start = reading.span(last)[0]
        edits.put(start, end, block(reading, last, code).lstrip())
        return
    edits.put(end, end, f"\n\n{block(reading, last, code)}")


def _is_ellipsis(node: ast.stmt) -> bool:
    match node:
        case ast.Expr(value=ast.Constant(value=value)):
            return value is ...
    return False


def first_method(item: ModelClass) -> FunctionNode | None:
    """Find the first method in a class's own body."""
    found = (one for one in item.node.body if isinstance(one, FunctionNode))
    return next(found, None)


def rename_reads(
    reading: Reading, node: ast.AST, owner: Collection[str], old: str, new: str, edits: Edits
) -> None:
    """Rename `self.old` and `super().old` within a node; `owner` names what else it is read of."""
    for part in ast.walk(node):
        if isinstance(part, ast.Attribute) and part.attr == old:
            value = part.value
            itself = isinstance(value, ast.Name) and value.id in {"self", *owner}
            above = isinstance(value, ast.Call) and getattr(value.func, "id", "") == "super"
            if itself or above:
                end = reading.span(part)[1]
                edits.put(end - len(old), end, new)


def rename_definition(reading: Reading, method: FunctionNode, new: str, edits: Edits) -> None:
    """Rename a method where it is defined."""
    at = reading.at(method.lineno, method.col_offset)
    start = reading.text.index(method.name, at + len("def"))
    edits.put(start, start + len(method.name), new)
