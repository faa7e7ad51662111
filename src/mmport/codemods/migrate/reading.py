"""A file in the hands of a codemod: its text, its tree, and what its names mean on both sides."""

from __future__ import annotations

import ast
import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from mmport.codemods.migrate.donor import Donor
from mmport.usage.parsing import file_of, parsed
from mmport.usage.source import Imported, ModelClass, ModelFile
from mmport.usage.view import View
from mmport.usage.walking import walk
from mmport.vllm_api import store
from mmport.vllm_api.frame import is_frame
from mmport.vllm_api.surface.release import Bound, names_of
from mmport.vllm_api.surface.stubs import FunctionNode, ModuleName

_LINE_END = re.compile(r"\r\n|\n|\r")
_WORD = re.compile(r"[A-Za-z_]\w*")
Placed = ast.expr | ast.stmt | ast.keyword | ast.alias | ast.arg


@dataclass
class Reading:
    """A file on its way from one release to another.

    Names are looked up in the release that the file was written for, and in the one
    that it is to serve where that has them no more: a half-migrated file is read too.
    """

    text: str
    module: ModuleName
    origin: str
    target: str
    foreign: bool = True
    """The file lies outside vLLM: relative imports of vLLM's modules do not hold there."""
    donor: Donor | None = None
    """A port of the model that the file serves, where the user named it."""
    _family: dict[str, frozenset[str]] = field(default_factory=dict)

    @cached_property
    def tree(self) -> ast.Module:
        """The file's syntax tree."""
        return parsed(self.text)

    @cached_property
    def nodes(self) -> list[ast.AST]:
        """All nodes of the tree, as `ast.walk` gives them: a walk by itself takes long."""
        return walk(self.tree)

    @cached_property
    def used(self) -> set[str]:
        """Name what code uses, in strings too: an annotation may be one, and so is `__all__`."""
        found: set[str] = set()
        for node in self.nodes:
            if isinstance(node, ast.Name):
                found.add(node.id)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.update(_WORD.findall(node.value))
        return found

    @cached_property
    def file(self) -> ModelFile:
        """The file's imports, classes and calls."""
        return file_of(self.tree, self.module)

    @cached_property
    def before(self) -> View:
        """The file in the eyes of the release that it was written for."""
        return View(self.file, names_of(self.origin))

    @cached_property
    def after(self) -> View:
        """The file in the eyes of the release that it is to serve."""
        return View(self.file, names_of(self.target))

    @cached_property
    def views(self) -> tuple[View, ...]:
        """The file in the eyes of every release from its origin to its target, oldest first."""
        first, last = (store.places()[one] for one in (self.origin, self.target))
        return tuple(View(self.file, names_of(one)) for one in store.releases()[first : last + 1])

    def of(self, node: ast.expr) -> Bound:
        """Find what of vLLM an expression is."""
        found = self.before.of(node)
        return found if found.known else self.after.of(node)

    def family(self, item: ModelClass) -> frozenset[str]:
        """Name the classes of vLLM's frame that a class inherits."""
        if item.name not in self._family:
            owners = [
                owner.name
                for view in (self.before, self.after)
                for some in (view.ancestry(item).vllm, view.ancestry(item).implied)
                for owner in some
                if is_frame(owner.module)
            ]
            self._family[item.name] = frozenset(owners)
        return self._family[item.name]

    def heirs(self, *owners: str) -> Iterator[ModelClass]:
        """Give the classes of the file that inherit one of the frame's."""
        return (one for one in self.file.classes.values() if self.family(one) & set(owners))

    def inherits_model(self, item: ModelClass) -> bool:
        """Tell whether a class has a class of one of vLLM's models above it."""
        above = (*self.before.ancestry(item).vllm, *self.after.ancestry(item).vllm)
        return any(".models." in one.module and not is_frame(one.module) for one in above)

    def local_parents(self, item: ModelClass) -> tuple[ModelClass, ...]:
        """Give the classes of the file that a class inherits."""
        return self.before.ancestry(item).local

    def scope(self, node: ast.AST) -> tuple[str, ...]:
        """Name the class and method that a node lies in."""
        return self.scope_at(getattr(node, "lineno", 0))

    def scope_at(self, line: int) -> tuple[str, ...]:
        """Name the class and method that a line lies in, or the function at the top."""
        item = self.file.class_at(line)
        if item is None:
            return self._function_at(line)
        inside = (
            name
            for name, one in item.methods.items()
            if one.lineno <= line <= (one.end_lineno or 0)
        )
        return (item.name, *list(inside)[:1])

    def _function_at(self, line: int) -> tuple[str, ...]:
        found = (
            one.name
            for one in self.tree.body
            if isinstance(one, FunctionNode) and one.lineno <= line <= (one.end_lineno or 0)
        )
        return tuple(found)[:1]

    def spelled(self, module: str) -> str:
        """Spell a module as the file does where it imports from it, relative or not."""
        for item in self.file.imports:
            node = item.node
            if item.module == module and isinstance(node, ast.ImportFrom) and item.name:
                return "." * node.level + (node.module or "")
        return module

    def imported(self, module: str, name: str) -> Imported | None:
        """Find the import of a name."""
        found = (one for one in self.file.imports if (one.module, one.name) == (module, name))
        return next(found, None)

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *(found.end() for found in _LINE_END.finditer(self.text))]

    def at(self, line: int, column: int) -> int:
        """Give the place of a line and a column of a tree, which counts bytes, in the text."""
        start = self._starts[line - 1]
        end = self._starts[line] if line < len(self._starts) else len(self.text)
        row = self.text[start:end]
        if row.isascii():
            return start + column
        return start + len(row.encode()[:column].decode(errors="ignore"))

    def span(self, node: Placed) -> tuple[int, int]:
        """Give where a node begins and ends; a function's or class's from its first decorator."""
        first: Placed = node
        if isinstance(node, ast.ClassDef | FunctionNode) and node.decorator_list:
            first = node.decorator_list[0]
            return self.at(first.lineno, 0) + len(self.indent_of(first.lineno)), self._end(node)
        return self.at(first.lineno, first.col_offset), self._end(node)

    def _end(self, node: Placed) -> int:
        return self.at(node.end_lineno or node.lineno, node.end_col_offset or 0)

    def code(self, node: Placed) -> str:
        """Give a node as it is written."""
        start, end = self.span(node)
        return self.text[start:end]

    def line(self, number: int) -> str:
        """Give a line without its end."""
        start = self._starts[number - 1]
        end = self._starts[number] if number < len(self._starts) else len(self.text)
        return self.text[start:end].rstrip("\r\n")

    def line_of(self, place: int) -> int:
        """Number the line of a place, from 1."""
        return bisect_right(self._starts, place)

    def line_start(self, place: int) -> int:
        """Give where the line of a place begins."""
        return self._starts[bisect_right(self._starts, place) - 1]

    def next_line(self, place: int) -> int:
        """Give where the line below a place begins, or the end of the file."""
        after = bisect_right(self._starts, place)
        return self._starts[after] if after < len(self._starts) else len(self.text)

    def indent(self, node: ast.stmt) -> str:
        """Give what stands before a statement on its line."""
        return self.indent_of(node.lineno)

    def indent_of(self, line: int) -> str:
        """Give what stands before the first word of a line."""
        row = self.line(line)
        return row[: len(row) - len(row.lstrip(" \t"))]
