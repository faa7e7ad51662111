"""A model file as the rules see it: its imports, classes and calls, read in one walk."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from mmport.usage.walking import walk
from mmport.vllm_api.surface.stubs import FunctionNode, ModuleName

_IMPORT_ERRORS = {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"}


@dataclass(frozen=True, slots=True)
class Imported:
    """One name that is imported, and under which circumstances.

    `name` is empty for `import module`. `guarded` if a failure is caught or does
    not happen at run time; `instead_of` are the imports that have to fail before it runs.
    """

    module: str
    name: str
    bound: str
    node: ast.stmt
    guarded: bool = False
    instead_of: tuple[Imported, ...] = ()


@dataclass(slots=True)
class ModelClass:
    """A class statement: its methods, what it sets, and what it uses of itself."""

    node: ast.ClassDef
    methods: dict[str, FunctionNode] = field(default_factory=dict)
    attributes: dict[str, ast.stmt] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The class' name."""
        return self.node.name

    def own(self, name: str) -> bool:
        """Tell whether the class itself has a member of that name."""
        return name in self.methods or name in self.attributes


@dataclass
class ModelFile:
    """A parsed file; `rebound` are imported names that something else binds too."""

    module: ModuleName
    tree: ast.Module
    imports: list[Imported] = field(default_factory=list)
    classes: dict[str, ModelClass] = field(default_factory=dict)
    calls: list[ast.Call] = field(default_factory=list)
    reads: list[ast.Attribute] = field(default_factory=list)
    rebound: set[str] = field(default_factory=set)

    def imported(self, name: str) -> Imported | None:
        """Find the import that a name stands for, where nothing else binds it."""
        return None if name in self.rebound else self._by_name.get(name)

    def alternatives(self, name: str) -> tuple[Imported, ...]:
        """Give the imports of a `try` and of what catches it that bind one name to two things."""
        found = tuple(one for one in self.imports if one.bound == name)
        tried = len(found) > 1 and all(one.instead_of for one in found[1:])
        return found if tried and name not in self.rebound else ()

    def class_at(self, line: int) -> ModelClass | None:
        """Find the class that a line lies in."""
        for item in self.classes.values():
            if item.node.lineno <= line <= (item.node.end_lineno or 0):
                return item
        return None

    @cached_property
    def _by_name(self) -> dict[str, Imported]:
        """Give the imports by the name that they bind, if no two bind it to different things."""
        found: dict[str, Imported] = {}
        ambiguous = set()
        for item in self.imports:
            known = found.setdefault(item.bound, item)
            if (known.module, known.name) != (item.module, item.name):
                ambiguous.add(item.bound)
        return {name: item for name, item in found.items() if name not in ambiguous}


def read_model_file(tree: ast.Module, module: ModuleName) -> ModelFile:
    """Read a file's syntax tree in one walk."""
    reader = _Reader(ModelFile(module, tree))
    reader.block(tree.body, _Scene())
    bound = {item.bound for item in reader.file.imports}
    reader.file.rebound &= bound
    return reader.file


@dataclass(frozen=True, slots=True)
class _Scene:
    guarded: bool = False
    instead_of: tuple[Imported, ...] = ()


@dataclass(slots=True)
class _Reader:
    file: ModelFile

    def block(self, body: Sequence[ast.stmt], scene: _Scene) -> list[Imported]:
        """Read statements; give the imports among them."""
        found: list[Imported] = []
        for node in body:
            found.extend(self._statement(node, scene))
        return found

    def _statement(self, node: ast.stmt, scene: _Scene) -> list[Imported]:
        match node:
            case ast.Import() | ast.ImportFrom():
                items = list(_imports(node, self.file.module, scene))
                self.file.imports.extend(items)
                return items
            case ast.Try():
                return self._try(node, scene)
            case ast.If():
                self._expression(node.test)
                inner = _Scene(True, scene.instead_of) if _is_guard(node.test) else scene
                return self.block(node.body, inner) + self.block(node.orelse, inner)
            case ast.ClassDef():
                self._class(node)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self._function(node)
            case _:
                return self._other(node, scene)
        return []

    def _other(self, node: ast.stmt, scene: _Scene) -> list[Imported]:
        found: list[Imported] = []
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.stmt):
                found.extend(self._statement(child, scene))
            elif isinstance(child, ast.match_case):
                found.extend(self.block(child.body, scene))
            else:
                self._expression(child)
        return found

    def _try(self, node: ast.Try, scene: _Scene) -> list[Imported]:
        caught = any(_catches_import(one) for one in node.handlers)
        tried = self.block(node.body, _Scene(True, scene.instead_of) if caught else scene)
        for handler in node.handlers:
            inner = _Scene(scene.guarded, tuple(tried)) if caught else scene
            self.block(handler.body, inner)
        self.block([*node.orelse, *node.finalbody], scene)
        return tried

    def _class(self, node: ast.ClassDef) -> None:
        item = ModelClass(node)
        self.file.rebound.add(node.name)
        self.file.classes.setdefault(node.name, item)
        for part in (*node.decorator_list, *node.bases, *node.keywords):
            self._expression(part)
        for statement in _flat(node.body):
            match statement:
                case ast.FunctionDef() | ast.AsyncFunctionDef():
                    item.methods[statement.name] = statement
                case ast.Assign(targets=targets):
                    names = (one.id for one in targets if isinstance(one, ast.Name))
                    item.attributes.update(dict.fromkeys(names, statement))
                case ast.AnnAssign(target=ast.Name(id=name)):
                    item.attributes[name] = statement
        self.block(node.body, _Scene())
        for method in item.methods.values():
            for name in _set_on_self(method):
                item.attributes.setdefault(name, method)

    def _function(self, node: FunctionNode) -> None:
        self.file.rebound.add(node.name)
        for part in (*node.decorator_list, node.args):
            self._expression(part)
        arguments = node.args
        every = (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
        extra = (one for one in (arguments.vararg, arguments.kwarg) if one)
        self.file.rebound.update(one.arg for one in (*every, *extra))
        self.block(node.body, _Scene())

    def _expression(self, node: ast.AST) -> None:
        for part in walk(node):
            if isinstance(part, ast.Call):
                self.file.calls.append(part)
            elif isinstance(part, ast.Attribute):
                self.file.reads.append(part)
            elif isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
                self.file.rebound.add(part.id)


def _imports(
    node: ast.Import | ast.ImportFrom, module: ModuleName, scene: _Scene
) -> Iterator[Imported]:
    for alias in node.names:
        if isinstance(node, ast.ImportFrom):
            source, name = module.absolute(node), alias.name
            bound = alias.asname or alias.name
        else:
            source, name = alias.name, ""
            bound = alias.asname or alias.name.partition(".")[0]
        yield Imported(source, name, bound, node, scene.guarded, scene.instead_of)


def _is_guard(test: ast.expr) -> bool:
    """Tell a condition that asks for the type checker, or for a version."""
    words = ast.unparse(test)
    return "TYPE_CHECKING" in words or "version" in words.lower()


def _catches_import(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    return any(
        isinstance(part, ast.Name) and part.id in _IMPORT_ERRORS for part in walk(handler.type)
    )


def _flat(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    for node in body:
        yield node
        if isinstance(node, ast.If):
            yield from _flat([*node.body, *node.orelse])


def _set_on_self(method: FunctionNode) -> Iterator[str]:
    for part in walk(method):
        match part:
            case ast.Attribute(value=ast.Name(id="self"), attr=name, ctx=ast.Store()):
                yield name
