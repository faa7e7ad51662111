"""A package's source as syntax trees: modules, classes, and where a class really is."""

from __future__ import annotations

import ast
import importlib.util
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path


@dataclass(frozen=True, slots=True)
class FoundClass:
    """A class statement and the module that holds it."""

    module: str
    node: ast.ClassDef


@dataclass(slots=True)
class SourceTree:
    """The packages below `root`, parsed on demand; nothing is imported.

    `texts` are modules that lie elsewhere, by dotted name: a model repo's own.
    """

    root: Path
    texts: Mapping[str, str] = field(default_factory=dict)
    _modules: dict[str, ast.Module | None] = field(default_factory=dict)

    def module(self, name: str) -> ast.Module | None:
        """Parse a module by its dotted name; None if there is no such source file.

        Raises:
            SyntaxError: it is not Python; its `filename` is the module's.
        """
        if name not in self._modules:
            try:
                self._modules[name] = _parsed(text) if (text := self.text(name)) else None
            except SyntaxError as error:
                error.filename = f"{name.replace('.', '/')}.py"
                raise
        return self._modules[name]

    def text(self, name: str) -> str | None:
        """Read a module's source by its dotted name; None if there is no such file."""
        if name in self.texts:
            return self.texts[name]
        path = self._path(name)
        return None if path is None else path.read_text(encoding="utf-8")

    def find_class(self, module: str, name: str) -> FoundClass | None:
        """Find a class by name, through imports and plain aliases, as far as the source goes."""
        return self._find(module, name, set())

    def lineage(self, found: FoundClass) -> Iterator[FoundClass]:
        """Give a class and all its bases that the source has, nearest first, each once.

        A base's module is parsed when its turn comes, not before.
        """
        seen: set[tuple[str, str]] = set()
        queue: deque[FoundClass | tuple[str, str]] = deque([found])
        while queue:
            entry = queue.popleft()
            item = entry if isinstance(entry, FoundClass) else self.find_class(*entry)
            if item is None or (item.module, item.node.name) in seen:
                continue
            seen.add((item.module, item.node.name))
            yield item
            queue.extend((item.module, name) for name in _base_names(item.node))

    def _find(self, module: str, name: str, seen: set[tuple[str, str]]) -> FoundClass | None:
        tree = self.module(module)
        if tree is None or (module, name) in seen:
            return None
        seen.add((module, name))
        for node in _statements(tree.body):
            if isinstance(node, ast.ClassDef) and node.name == name:
                return FoundClass(module, node)
            moved = self._moved(module, node, name)
            if moved is not None and (found := self._find(*moved, seen)) is not None:
                return found
        return None

    def _moved(self, module: str, node: ast.stmt, name: str) -> tuple[str, str] | None:
        """Where `name` comes from, if `node` is the import or alias that binds it."""
        match node:
            case ast.ImportFrom():
                for alias in node.names:
                    if (alias.asname or alias.name) == name:
                        return self.absolute(module, node), alias.name
            case ast.Assign(targets=[ast.Name(id=bound)], value=ast.Name(id=original)):
                return (module, original) if bound == name else None
        return None

    def absolute(self, module: str, node: ast.ImportFrom) -> str:
        """Name the module that a `from … import` means, written in `module`."""
        if node.level == 0:
            return node.module or ""
        path = self._path(module)
        drop = node.level - (1 if path is not None and path.name == "__init__.py" else 0)
        parts = module.split(".")
        package = parts[: len(parts) - drop]
        return ".".join([*package, *([node.module] if node.module else [])])

    def _path(self, name: str) -> Path | None:
        base = self.root.joinpath(*name.split("."))
        candidates = (base.with_name(f"{base.name}.py"), base / "__init__.py")
        return next((path for path in candidates if path.is_file()), None)


def package_folder(name: str) -> Path | None:
    """Find the folder of an installed package without importing it."""
    found = importlib.util.find_spec(name)
    return Path(found.origin).parent if found is not None and found.origin is not None else None


@lru_cache(maxsize=512)
def _parsed(text: str) -> ast.Module:
    """Parse a module; the same text gives the same tree, which nobody changes."""
    return ast.parse(text)


def _base_names(node: ast.ClassDef) -> Iterator[str]:
    for base in node.bases:
        target = base.value if isinstance(base, ast.Subscript) else base
        yield ast.unparse(target).rpartition(".")[2]


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Give module-level statements, those under `if` and `try` included."""
    for node in body:
        yield node
        if isinstance(node, ast.If | ast.Try):
            yield from _statements(node.body)
            yield from _statements(node.orelse)
