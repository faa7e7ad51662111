"""Changes of a text that leave all other bytes as they are."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Collection, Iterable, Iterator, Sequence

from mmport.codemods.migrate.codemod import Edit, Edits
from mmport.codemods.migrate.reading import Placed, Reading
from mmport.usage.source import ModelClass
from mmport.usage.walking import walk
from mmport.vllm_api.surface.stubs import FunctionNode

_UNIT = "    "
_WIDTH = 88
_BLOCKS = ("body", "orelse", "finalbody")


def edited(text: str, changes: Iterable[Edit]) -> str:
    """Apply changes; one within another is part of it, and neighbours may go with one space."""
    newline = "\r\n" if "\r\n" in text else "\n"
    done: list[str] = []
    place, put = 0, ""
    for change in sorted(set(changes), key=lambda one: (one.start, -one.end)):
        if change.start < place:
            place = place if change.text or put else max(place, change.end)
            continue
        put = change.text.replace("\r\n", "\n").replace("\n", newline)
        done += [text[place : change.start], put]
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
        _drop_tail(reading, items[kept[-1] :], edits)


def _drop_tail(reading: Reading, items: Sequence[Placed], edits: Edits) -> None:
    """Take out all but the first of some items at the end; a remark beside that one stays."""
    start, end = reading.span(items[0])[1], reading.span(items[-1])[1]
    first = reading.span(items[1])[0]
    if "#" in reading.text[start:first]:
        above = reading.text[: reading.line_start(first)]
        start = len(above.rstrip("\r\n"))
        comma = re.match(r"\s*,", reading.text[end:])
        end += comma.end() if comma else 0
        rest = reading.text[end : reading.next_line(end)].strip()
        if rest and not rest.startswith("#"):
            # What closes the call must not come into the remark.
            edits.put(start, reading.line_start(first), "\n")
            edits.put(first, end, "")
            return
    edits.put(start, end, "")


def drop_parameters(
    reading: Reading, function: FunctionNode, gone: Collection[ast.arg], edits: Edits
) -> None:
    """Take parameters that may be given by place out of a function, with their defaults."""
    items = [*function.args.args]
    first = len(items) - len(function.args.defaults)
    ends = [
        reading.span(function.args.defaults[place - first] if place >= first else one)[1]
        for place, one in enumerate(items)
    ]
    last = max((place for place, one in enumerate(items) if one not in gone), default=-1)
    spans = [
        (reading.span(one)[0], reading.span(items[place + 1])[0])
        for place, one in enumerate(items[:last])
        if one in gone
    ]
    if 0 <= last < len(items) - 1:
        spans.append((ends[last], ends[-1]))
    for start, end in spans:
        edits.put(start, end, "")
    comments_above(reading, function, [reading.text[start:end] for start, end in spans], edits)


def comments_above(
    reading: Reading, function: FunctionNode, codes: Iterable[str], edits: Edits
) -> None:
    """Put the comments of code that is taken out of a function's head above the function."""
    said = [found for code in codes for found in re.findall(r"#.*", code)]
    if said:
        place = reading.line_start(reading.span(function)[0])
        text = block(reading, function, "\n".join(one.rstrip() for one in said))
        edits.put(place, place, f"{text}\n")


def _to_comment(between: str) -> int:
    """Measure what goes with an item of what lies before the next: no comment of the next one."""
    found = re.search(r"\n[ \t]*(?=#)", between)
    return found.end() if found else len(between)


def drop_names(reading: Reading, aliases: Collection[ast.alias], edits: Edits) -> None:
    """Take names out of the imports that have them, and imports that have no name left."""
    whole: list[ast.stmt] = []
    for node in reading.nodes:
        if isinstance(node, ast.Import | ast.ImportFrom):
            gone = [one for one in node.names if one in aliases]
            if len(gone) == len(node.names):
                whole.append(node)
            elif gone:
                drop_items(reading, node.names, gone, edits)
    drop_statements(reading, whole, edits)


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
    A block that has nothing left keeps a `pass`.
    """
    kept = _alone(reading, nodes)
    for one in kept:
        edits.put(*reading.span(one), "pass")
    for start, stop in _runs(reading, [one for one in nodes if one not in kept]):
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


def _alone(reading: Reading, nodes: Sequence[ast.stmt]) -> list[ast.stmt]:
    """Give the first statement of each block that is to be taken out whole."""
    gone = {id(one) for one in nodes}
    holders = (one for one in reading.nodes if isinstance(one, ast.stmt)) if gone else ()
    blocks = (getattr(one, name, None) or [] for one in holders for name in _BLOCKS)
    return [block[0] for block in blocks if block and all(id(one) in gone for one in block)]


def _runs(reading: Reading, nodes: Sequence[ast.stmt]) -> list[tuple[int, int]]:
    """Give the lines of statements; those with nothing but blank lines between are one run."""
    runs: list[tuple[int, int]] = []
    for node in sorted(nodes, key=lambda one: one.lineno):
        start, end = reading.span(node)
        start, stop = with_comments_above(reading, start), reading.next_line(end)
        if runs and not reading.text[runs[-1][1] : start].strip():
            start = runs.pop()[0]
        runs.append((start, stop))
    return runs


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


def with_comments_above(reading: Reading, place: int) -> int:
    """Give where a line begins, or the comments right above it."""
    start = reading.line_start(place)
    while (above := _row_above(reading, start)) is not None and above[1].startswith("#"):
        start = above[0]
    return start


def _row_above(reading: Reading, start: int) -> tuple[int, str] | None:
    if start == 0:
        return None
    above = reading.line_start(start - 1)
    return above, reading.text[above:start].strip()


def with_comments(reading: Reading, node: ast.stmt) -> str:
    """Give the lines of a statement, and of the comments right above it."""
    start, end = reading.span(node)
    start = reading.line_start(start)
    while (above := _row_above(reading, start)) is not None and above[1].startswith("#"):
        start = above[0]
    return reading.text[start : reading.next_line(end)]


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
        place = with_comments_above(reading, reading.span(before)[0])
        edits.put(place, place, f"{block(reading, before, code)}\n\n")
        return
    last = item.node.body[-1]
    end = reading.span(last)[1]
    if isinstance(last, ast.Pass) or _is_ellipsis(last):
        start = reading.span(last)[0]
        edits.put(start, end, block(reading, last, code).lstrip())
        return
    edits.put(end, end, f"\n\n{block(reading, last, code)}")


def call_code(reading: Reading, node: ast.expr, function: str, given: Sequence[str]) -> str:
    """Write a call in the place of an expression, one argument a line where it gets long."""
    row = reading.line(node.lineno)
    code = f"{function}({', '.join(given)})"
    if len(row[: node.col_offset]) + len(code) <= _WIDTH or not given:
        return code
    indent = reading.indent_of(node.lineno)
    rows = "".join(f"{indent}{_UNIT}{one},\n" for one in given)
    return f"{function}(\n{rows}{indent})"


def append_argument(reading: Reading, call: ast.Call, argument: str, edits: Edits) -> None:
    """Put an argument behind a call's last, on a line of its own where the others have one."""
    given: list[Placed] = [*call.args, *call.keywords]
    if not given:
        end = reading.span(call)[1] - 1
        edits.put(end, end, argument)
        return
    last = max(given, key=lambda one: (one.end_lineno or 0, one.end_col_offset or 0))
    if isinstance(last, ast.GeneratorExp) and reading.span(last)[1] == reading.span(call)[1]:
        _beside_generator(reading, last, argument, edits)
        return
    indent = reading.indent_of(last.lineno)
    end = reading.span(last)[1]
    closed = reading.text[end:].lstrip().startswith(",")
    alone = last.lineno != call.lineno and (closed or last.lineno != given[0].lineno)
    edits.put(end, end, (f",\n{indent}" if alone else ", ") + argument)


def append_parameters(
    reading: Reading, function: FunctionNode, parameters: Sequence[str], edits: Edits
) -> None:
    """Put parameters behind a function's last, on lines of their own where the others have some."""
    args = function.args
    given: list[ast.arg | ast.expr] = [*args.posonlyargs, *args.args, *args.kwonlyargs]
    given += [one for one in (*args.defaults, *args.kw_defaults) if one is not None]
    last = max(given, key=lambda one: (one.end_lineno or 0, one.end_col_offset or 0))
    broken = last.lineno != given[0].lineno
    between = f",\n{reading.indent_of(last.lineno)}" if broken else ", "
    end = reading.span(last)[1]
    edits.put(end, end, "".join(between + one for one in parameters))


def _beside_generator(
    reading: Reading, generator: ast.GeneratorExp, argument: str, edits: Edits
) -> None:
    """Put an argument beside a generator that shares the call's brackets: it needs its own."""
    outer = reading.indent_of(generator.lineno)
    first, *rest = reading.code(generator).splitlines()
    code = "\n".join([f"{outer}{_UNIT}{first}", *(f"{_UNIT}{one}" for one in rest)])
    edits.put(*reading.span(generator), f"(\n{code},\n{outer}{_UNIT}{argument},\n{outer})")


def _is_ellipsis(node: ast.stmt) -> bool:
    match node:
        case ast.Expr(value=ast.Constant(value=value)):
            return value is ...
    return False


def own_nodes(function: FunctionNode) -> Iterator[ast.AST]:
    """Walk a function without the functions in it."""
    left: list[ast.AST] = list(function.body)
    while left:
        node = left.pop()
        yield node
        if not isinstance(node, FunctionNode):
            left += ast.iter_child_nodes(node)


def first_method(item: ModelClass) -> FunctionNode | None:
    """Find the first method in a class's own body."""
    found = (one for one in item.node.body if isinstance(one, FunctionNode))
    return next(found, None)


def rename_reads(
    reading: Reading, node: ast.AST, owner: Collection[str], old: str, new: str, edits: Edits
) -> None:
    """Rename `self.old` and `super().old` within a node; `owner` names what else it is read of."""
    for part in walk(node):
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


def put_first(reading: Reading, method: FunctionNode, code: str, edits: Edits) -> None:
    """Put statements at the head of a method, below its docstring and above all comments."""
    first, *rest = method.body
    if rest and isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
        first = rest[0]
    place = with_comments_above(reading, reading.span(first)[0])
    edits.put(place, place, f"{block(reading, first, code)}\n")


def put_definitions(reading: Reading, codes: Sequence[str], edits: Edits) -> None:
    """Put definitions and constants below the imports, each above those that come before it."""
    place = _below_imports(reading)
    text = ""
    for code in map(str.strip, codes):
        if code.startswith(("def ", "class ", "@")):
            rest = text + reading.text[place:]
            blank = rest[: len(rest) - len(rest.lstrip())].count("\n")
            missing = "\n" * max(2 - blank, 0)
            text = f"\n\n{code}\n{missing}{text}"
        else:
            text = f"\n{code}\n{text}"
    edits.put(place, place, text)


def _below_imports(reading: Reading) -> int:
    """Give where the line below the imports begins that all definitions come after."""
    imports = ast.Import | ast.ImportFrom | ast.Try | ast.If
    first = _first_definition(reading)
    last = [node for node in reading.tree.body if isinstance(node, imports)]
    above = [node for node in last if node.lineno < first]
    return reading.next_line(reading.span(above[-1])[1])


def _first_definition(reading: Reading) -> int:
    lines = [
        node.lineno
        for node in reading.tree.body
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    return min(lines, default=len(reading.text))
