"""Carries what a port needs of a hub repo's code: its text, through the syntax tree.

Nothing is run. What is kept keeps its lines, comments and layout; what nobody
needs is left out, the language model's classes among it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from mmport.anatomy.repo_code.module_text import (
    Definition,
    ModuleText,
    Unit,
    bound_names,
    first_line,
    is_module_name,
    last_line,
)
from mmport.anatomy.repo_code.reach import Reach, plain_settings
from mmport.core.errors import MalformedSource, one_line

_WIDTH = 88

Edit = tuple[int, int, list[str]]
"""First and last line, and what takes their place."""


def carry(
    modules: Mapping[str, str], wanted: Mapping[str, Iterable[str]], *, origin: str = ""
) -> dict[str, str]:
    """Carry what wanted names need out of a repo's modules.

    Args:
        modules: source by module name, dotted from the repo's top.
        wanted: names by module: a class, function or constant, or
            `Class.method` for a class of which only some methods are needed
            (`Class.` for none). Such a class loses its other methods, `__init__`
            too: it is there to be subclassed. What its methods use of `self` is
            found, in its bases too.
        origin: where the repo is from, for a comment line in each file.

    Returns:
        The cut source of each module that something is needed of, by name.

    Raises:
        MalformedSource: a module that is needed is missing or not Python, or a
            name in it is.
    """
    reach = Reach(_Texts(modules))
    try:
        reach.want(wanted)
        reach.settle()
    except (RecursionError, SyntaxError) as error:  # what only a compiler minds
        raise MalformedSource(
            f"the repo's code cannot be followed: {error}", "look at the repo's code"
        ) from error
    needed = {name for name, units in reach.units.items() if units or not reach.names[name]}
    return {name: _written(reach, reach.modules[name], origin) for name in sorted(needed)}


@dataclass(slots=True)
class _Texts(Mapping[str, ModuleText]):
    """A repo's modules, parsed on demand: other files of it may be anything."""

    sources: Mapping[str, str]
    _parsed: dict[str, ModuleText] = field(default_factory=dict)

    def __getitem__(self, name: str) -> ModuleText:
        if name not in self:
            raise KeyError(name)
        if name not in self._parsed:
            self._parsed[name] = ModuleText(name, self.sources[name])
        return self._parsed[name]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and is_module_name(name) and name in self.sources

    def __iter__(self) -> Iterator[str]:
        return (name for name in self.sources if name in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _written(reach: Reach, source: ModuleText, origin: str) -> str:
    """Write what is kept of a module, in its own order."""
    blocks = [[*source.header, _told(source, origin)]]
    before: Unit | None = None
    for unit in source.units:
        if not (unit in reach.units[source.name] or _always(source, unit)):
            continue
        if lines := _lines(reach, source, unit):
            blocks.append([""] * _gap(source, before, unit) + lines)
            before = unit
    return "\n".join(line for block in blocks for line in block) + "\n"


def _told(source: ModuleText, origin: str) -> str:
    of = f" of {one_line(origin)}" if origin else ""
    return f"# Carried from {source.name.replace('.', '/')}.py{of}, less what is not used here."


def _always(source: ModuleText, unit: Unit) -> bool:
    """Keep the docstring and what is imported from the future."""
    node = unit.node
    future = isinstance(node, ast.ImportFrom) and node.module == "__future__" and not node.level
    return future or (node is source.tree.body[0] and _is_docstring(node))


def _gap(source: ModuleText, before: Unit | None, unit: Unit) -> int:
    """How many blank lines stand before a unit."""
    if before is None:
        return 1 if not _is_docstring(unit.node) else 0
    if isinstance(unit.node, Definition) or isinstance(before.node, Definition):
        return 2
    return 0 if source.lines[unit.first - 2].strip() else 1


def _lines(reach: Reach, source: ModuleText, unit: Unit) -> list[str]:
    """Give the lines of a unit, less the imports and members that nobody needs."""
    node = unit.node
    edits: list[Edit] = []
    if isinstance(node, ast.ClassDef) and not reach.whole(source.name, node.name):
        edits = _class_edits(source, node, reach.members[source.name, node.name])
    elif node is not None and not isinstance(node, Definition):
        edits = _import_edits(source, [node], reach.names[source.name])
    lines = source.lines[unit.first - 1 : unit.last]
    for first, last, new in sorted(edits, reverse=True):
        lines[first - unit.first : last - unit.first + 1] = new
    while lines and not lines[-1].strip():
        lines.pop()
    return lines


def _class_edits(source: ModuleText, node: ast.ClassDef, members: set[str]) -> list[Edit]:
    """Take out of a class what nobody needs; keep its docstring and plain settings."""
    plain = plain_settings(source, node)
    out = [
        item
        for item in node.body
        if not (item is node.body[0] and _is_docstring(item))
        and item not in plain
        and members.isdisjoint(bound_names([item]))
    ]
    edits: list[Edit] = []
    for item in out:
        last = last_line(item)
        while last < last_line(node) and not source.lines[last].strip():
            last += 1
        edits.append((source.with_comments(first_line(item), node.lineno), last, []))
    if len(out) == len(node.body):
        edits[0] = (*edits[0][:2], [_indent(source, node.body[0]) + "pass"])
    return edits


def _import_edits(
    source: ModuleText, block: list[ast.stmt], names: set[str], *, inner: bool = False
) -> list[Edit]:
    """Cut the imports of a block, and of the blocks in it, to what is needed by name."""
    edits: list[Edit] = []
    for node in block:
        if isinstance(node, ast.Import | ast.ImportFrom):
            edits += _import_edit(source, node, names)
        elif not isinstance(node, Definition):
            for part in _blocks(node):
                edits += _import_edits(source, part, names, inner=True)
    gone = [edit for edit in edits if not edit[2]]
    if inner and len(gone) == len(block) and len(edits) == len(block):
        edits[-1] = (*edits[-1][:2], [_indent(source, block[-1]) + "pass"])
    return edits


def _import_edit(
    source: ModuleText, node: ast.Import | ast.ImportFrom, names: set[str]
) -> Iterator[Edit]:
    kept = [
        alias
        for alias in node.names
        if alias.name == "*" or (alias.asname or alias.name.partition(".")[0]) in names
    ]
    future = isinstance(node, ast.ImportFrom) and node.module == "__future__"
    if len(kept) == len(node.names) or future:
        return
    indent = _indent(source, node)
    yield node.lineno, last_line(node), _import_lines(node, kept, indent) if kept else []


def _import_lines(
    node: ast.Import | ast.ImportFrom, kept: list[ast.alias], indent: str
) -> list[str]:
    if isinstance(node, ast.Import):
        return [indent + ast.unparse(ast.Import(kept))]
    line = indent + ast.unparse(ast.ImportFrom(node.module, kept, node.level))
    if len(line) <= _WIDTH:
        return [line]
    head, _, _ = line.partition(" import ")
    inside = [f"{indent}    {ast.unparse(alias)}," for alias in kept]
    return [f"{head} import (", *inside, f"{indent})"]


def _blocks(node: ast.stmt) -> Iterator[list[ast.stmt]]:
    for name in ("body", "orelse", "finalbody"):
        if part := getattr(node, name, None):
            yield part
    for handler in getattr(node, "handlers", ()):
        yield handler.body


def _indent(source: ModuleText, node: ast.stmt) -> str:
    line = source.lines[first_line(node) - 1]
    return line[: len(line) - len(line.lstrip())]


def _is_docstring(node: ast.stmt | None) -> bool:
    match node:
        case ast.Expr(value=ast.Constant(value=str())):
            return True
    return False
