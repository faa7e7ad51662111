"""A model class in source: its methods through all its bases, and where its names come from."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property

from mmport.core.source_tree import FoundClass, SourceTree, package_folder

_LIBRARY = "transformers"


@dataclass(frozen=True, slots=True)
class Method:
    """A method and the module that its class stands in."""

    module: str
    node: ast.FunctionDef

    @property
    def parameters(self) -> tuple[ast.arg, ...]:
        """All parameters but `self`, in order; `*args` and `**kwargs` are none."""
        arguments = self.node.args
        return (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)[1:]


class ModelClass:
    """A class as a model's source has it.

    Args:
        tree: where modules are found.
        found: the class statement.
    """

    def __init__(self, tree: SourceTree, found: FoundClass) -> None:
        self.tree = tree
        self.found = found

    @property
    def name(self) -> str:
        """The class's name."""
        return self.found.node.name

    @property
    def module(self) -> str:
        """The dotted name of the module that defines it."""
        return self.found.module

    @cached_property
    def lineage(self) -> tuple[FoundClass, ...]:
        """The class and its bases, as far as the source goes; torch's are not part of it."""
        return tuple(
            item
            for item in _lineage(self.tree, self.found)
            if not item.module.startswith(("torch.", f"{_LIBRARY}.modeling_utils"))
        )

    def method(self, name: str) -> Method | None:
        """Find a method by name, the nearest base's if the class has none itself."""
        return next(self.every(name), None)

    def every(self, name: str) -> Iterator[Method]:
        """Give all methods of a name, the class's own first, then its bases'."""
        for item in self.lineage:
            for node in item.node.body:
                if isinstance(node, ast.FunctionDef) and node.name == name:
                    yield Method(item.module, node)

    def attributes(self) -> Iterator[tuple[str, ast.expr]]:
        """Give each attribute that `__init__` sets on `self`, a base's too, with the value."""
        for node in (part for init in self.every("__init__") for part in ast.walk(init.node)):
            if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                for target in targets:
                    if (name := own_attribute(target)) is not None:
                        yield name, node.value

    def built(self, value: ast.expr) -> ModelClass | None:
        """Find the class that a call makes an instance of, if the source has it by name."""
        match value:
            case ast.Call(func=ast.Name(id=name)):
                pass
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id=name), attr="_from_config" | "from_config")
            ):
                pass
            case _:
                return None
        init = self.method("__init__")
        return find_class(self.tree, init.module if init else self.module, name)


def _lineage(tree: SourceTree, found: FoundClass) -> Iterator[FoundClass]:
    """Give a class and its bases, those that a repo takes from the top of transformers too."""
    chain = list(tree.lineage(found))
    known = {(item.module, item.node.name) for item in chain}
    for item in chain:
        yield item
        for base in item.node.bases if item.module in tree.texts else ():
            own = find_class(tree, item.module, base.id) if isinstance(base, ast.Name) else None
            for far in tree.lineage(own.found) if own is not None else ():
                if (far.module, far.node.name) not in known:
                    known.add((far.module, far.node.name))
                    chain.append(far)


def find_class(tree: SourceTree, module: str, name: str) -> ModelClass | None:
    """Find a class by the name that it has in a module."""
    found = tree.find_class(module, name)
    if found is None and (elsewhere := imported_from(tree, module, name)) == _LIBRARY:
        found = tree.find_class(library_module(name) or elsewhere, name)
    return ModelClass(tree, found) if found else None


def imported_from(tree: SourceTree, module: str, name: str) -> str | None:
    """Name the module that a name is imported from; None where it is not imported by `from`."""
    parsed = tree.module(module)
    for node in ast.walk(parsed) if parsed else ():
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    return tree.absolute(module, node)
    return None


@cache
def library_module(name: str) -> str | None:
    """Name the module of transformers that defines a class, which it gives at its top."""
    folder = package_folder(_LIBRARY)
    if folder is None:
        return None
    # What the others are made of may take parts of a class away in ways of its own.
    paths = sorted(folder.glob("models/*/*.py"))
    for path in sorted(paths, key=lambda path: path.name.startswith("modular_")):
        if f"\nclass {name}(" in path.read_text(encoding="utf-8"):
            return ".".join([_LIBRARY, *path.relative_to(folder).with_suffix("").parts])
    return None


def own_attribute(node: ast.AST) -> str | None:
    """Give `x` for the expression `self.x`."""
    match node:
        case ast.Attribute(value=ast.Name(id="self"), attr=name):
            return name
    return None


def own_attributes(node: ast.AST) -> set[str]:
    """Name all attributes of `self` that a tree mentions, or asks for by `getattr`."""
    return {name for part in ast.walk(node) if (name := _mentioned(part)) is not None}


def _mentioned(node: ast.AST) -> str | None:
    match node:
        case ast.Call(
            func=ast.Name(id="getattr"),
            args=[ast.Name(id="self"), ast.Constant(value=str(name)), *_],
        ):
            return name
    return own_attribute(node)


def names(node: ast.AST) -> set[str]:
    """Name all variables that a tree mentions."""
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}


def entries(node: ast.AST, use: type[ast.expr_context] = ast.Load) -> set[str]:
    """Name the entries under a constant that a tree reads, or sets: `["name"]`."""
    found = set()
    for part in ast.walk(node):
        match part:
            case ast.Subscript(slice=ast.Constant(value=str(name)), ctx=ctx) if type(ctx) is use:
                found.add(name)
    return found
