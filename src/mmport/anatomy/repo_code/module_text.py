"""A module's source cut into units: what each binds, what it asks for, which lines it has."""

from __future__ import annotations

import ast
import builtins
import keyword
import re
import symtable
import warnings
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from mmport.core.errors import MalformedSource

_BUILTINS = frozenset(dir(builtins)) | {"__name__", "__file__", "__doc__"}
_NO_LICENCE = re.compile(r"#!|#.*coding[:=]")  # lines that only the file's own place needs

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@dataclass(frozen=True, slots=True)
class Unit:
    """Statements of a module's top level that share lines, nearly always one.

    `first` and `last` are line numbers; decorators and the comments that stand
    directly above belong to it.
    """

    nodes: tuple[ast.stmt, ...]
    first: int
    last: int

    @property
    def node(self) -> ast.stmt | None:
        """The one statement, if it is alone on its lines."""
        return self.nodes[0] if len(self.nodes) == 1 else None


@dataclass(frozen=True, slots=True)
class Import:
    """A name bound by an import: `name` of `module`; all of the module if `name` is empty.

    `level` counts the leading dots; 0 is another package.
    """

    level: int
    module: str
    name: str


class ModuleText:
    """One module of a repo, as text and as a syntax tree.

    Args:
        name: dotted, from the repo's top.
        text: the source.

    Raises:
        MalformedSource: the text is not Python.
    """

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        text = text.removeprefix("\ufeff")
        # As Python counts lines; `str.splitlines` would also end one at a form feed.
        self.lines = re.split(r"\r\n|\r|\n", text)
        self.tree = parse(f"{name}.py", text)
        self.header_end = self._header_end()

    @cached_property
    def header(self) -> list[str]:
        """The comments that the file begins with: its licence."""
        lines = self.lines[: self.header_end]
        while lines and not lines[-1].strip():
            lines.pop()
        return [line.rstrip() for line in lines if not _NO_LICENCE.match(line)]

    @cached_property
    def units(self) -> tuple[Unit, ...]:
        """The statements of the top level, in order."""
        groups: list[list[ast.stmt]] = []
        for node in self.tree.body:
            if groups and first_line(node) <= last_line(groups[-1][-1]):
                groups[-1].append(node)
            else:
                groups.append([node])
        return tuple(
            Unit(
                tuple(group),
                self.with_comments(first_line(group[0]), self.header_end),
                last_line(group[-1]),
            )
            for group in groups
        )

    @cached_property
    def bindings(self) -> dict[str, list[Unit]]:
        """The units that bind each name of the module, in order."""
        found: dict[str, list[Unit]] = defaultdict(list)
        for unit in self.units:
            for name in dict.fromkeys(bound_names(unit.nodes)):
                found[name].append(unit)
        return dict(found)

    @cached_property
    def imports(self) -> dict[str, list[Import]]:
        """What each name stands for that the top level imports, guarded or not."""
        found: dict[str, list[Import]] = defaultdict(list)
        for unit in self.units:
            for node in unit.nodes:
                for name, item in imported(_outside_functions(node)):
                    found[name].append(item)
        return dict(found)

    def find_class(self, name: str) -> ast.ClassDef | None:
        """Find a class that stands at the top level and can be cut down by lines."""
        for unit in self.bindings.get(name, ()):
            node = unit.node
            if isinstance(node, ast.ClassDef) and node.lineno < first_line(node.body[0]):
                return node
        return None

    def is_own(self, name: str) -> bool:
        """Tell whether a name is the repo's: defined here, or in another file of it."""
        imports = self.imports.get(name)
        return name in self.bindings and (not imports or any(item.level for item in imports))

    def with_comments(self, line: int, after: int) -> int:
        """Give the first line of the comments directly above a line; it itself if none."""
        while line - 1 > after and self.lines[line - 2].lstrip().startswith("#"):
            line -= 1
        return line

    def resolve(self, item: Import) -> str:
        """Name the module that a relative import reaches.

        Raises:
            MalformedSource: it climbs out of the repo.
        """
        above = self.name.split(".")[: -item.level]
        if item.level > self.name.count(".") + 1:
            raise MalformedSource(
                f"{self.name}.py imports from outside its folder",
                "do not use this model source: its file names are not to be trusted",
            )
        return ".".join([*above, *([item.module] if item.module else [])])

    def _header_end(self) -> int:
        for number, line in enumerate(self.lines):
            if line.strip() and not line.lstrip().startswith("#"):
                return number
        return len(self.lines)


def parse(file: str, text: str) -> ast.Module:
    """Parse a repo's file.

    Raises:
        MalformedSource: it is not Python.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)  # a stray backslash is its authors'
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        where = f" in line {error.lineno}" if isinstance(error, SyntaxError) else ""
        raise MalformedSource(
            f"{file} is not Python{where}: {error}", "mend the repo's code"
        ) from error


def is_module_name(name: str) -> bool:
    """Tell whether a name is identifiers and dots, so that its file stays in the folder."""
    return all(part.isidentifier() and not keyword.iskeyword(part) for part in name.split("."))


def first_line(node: ast.stmt) -> int:
    """Give the line where a statement begins, decorators included."""
    decorators = node.decorator_list if isinstance(node, Definition) else []
    return min([node.lineno, *(item.lineno for item in decorators)])


def last_line(node: ast.stmt) -> int:
    """Give the line where a statement ends."""
    return node.end_lineno or node.lineno


def asked_names(nodes: Iterable[ast.stmt]) -> set[str]:
    """Name what statements ask of the module around them, and of no scope of their own."""
    body = [node for node in nodes if not isinstance(node, ast.Import | ast.ImportFrom)]
    if not body:
        return set()
    table = symtable.symtable(
        ast.unparse(ast.Module(body=body, type_ignores=[])), "<carried>", "exec"
    )
    return (_symbols(table) | set(_quoted_names(body))) - _BUILTINS


def _symbols(table: symtable.SymbolTable) -> set[str]:
    top = table.get_type() == "module"
    in_class = table.get_type() == "class"
    found = {
        symbol.get_name()
        for symbol in table.get_symbols()
        # In a class, `name = name` reads the module's.
        if symbol.is_referenced() and (top or symbol.is_global() or in_class)
    }
    return found.union(*(_symbols(child) for child in table.get_children()))


def _quoted_names(body: Iterable[ast.stmt]) -> Iterator[str]:
    """Names in annotations that are written as strings."""
    for node in (inner for statement in body for inner in ast.walk(statement)):
        annotation = getattr(node, "annotation", None) or getattr(node, "returns", None)
        for item in ast.walk(annotation) if annotation is not None else ():
            if isinstance(item, ast.Constant) and isinstance(item.value, str):
                try:
                    quoted = ast.parse(item.value, mode="eval")
                except (SyntaxError, ValueError):
                    continue  # a string in a `Literal`
                yield from (name.id for name in ast.walk(quoted) if isinstance(name, ast.Name))


def bound_names(nodes: Iterable[ast.stmt]) -> Iterator[str]:
    """Name what statements bind in the module, under `if` and `try` too."""
    for node in nodes:
        if isinstance(node, Definition):
            yield node.name
            continue
        for item in _outside_functions(node):
            if isinstance(item, Definition):
                yield item.name
            elif isinstance(item, ast.Name) and isinstance(item.ctx, ast.Store):
                yield item.id
            elif isinstance(item, ast.Import | ast.ImportFrom):
                yield from (name for name, _ in imported([item]))


def imported(nodes: Iterable[ast.AST]) -> Iterator[tuple[str, Import]]:
    """Give each name that an import among the nodes binds, and what it stands for."""
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.asname or alias.name.partition(".")[0], Import(0, alias.name, "")
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if alias.name != "*":
                    item = Import(node.level, node.module or "", alias.name)
                    yield alias.asname or alias.name, item


def _outside_functions(node: ast.AST) -> Iterator[ast.AST]:
    """Walk what runs in the module's own scope."""
    yield node
    if isinstance(node, Definition | ast.Lambda | ast.ListComp | ast.SetComp | ast.DictComp):
        return
    for child in ast.iter_child_nodes(node):
        yield from _outside_functions(child)
