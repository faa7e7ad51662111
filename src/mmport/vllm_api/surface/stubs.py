"""A module's text, read into stubs: one short line for each name that it binds.

| stub | name |
| --- | --- |
| `class(Base, Other)` | a class; `dataclass(Base)` where its fields are its constructor |
| `def (self, a, b=..., *, c)` | a function or method; before it `abstract`, `classmethod`, … |
| `property`, `field`, `field=` | a property, an attribute, and one that has a value |
| `from vllm.other` | another module of vLLM binds it, under another name if `:Name` follows |
| `module vllm.other` | a module of vLLM |
| `new Name` | a variable that holds a new object of that class |
| `import`, `var` | what comes from another library, and any other variable |

A method or attribute is called `Class.method`. Imports of the standard library and
of `UNTOLD` are left out: nobody takes those from vLLM. Nothing is run.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

EVERYTHING: Final = "*"
"""Begins the name of a stub that stands for all names of another module: `* 0`."""

UNTOLD: Final = {"einops", "numpy", "torch", "triton", "typing_extensions"}
_FLAGS: Final = {
    "abstractmethod": "abstract",
    "classmethod": "classmethod",
    "staticmethod": "staticmethod",
}
_PROPERTIES: Final = {"property", "cached_property", "abstractproperty"}
_REST_OF_PROPERTIES: Final = {"setter", "deleter"}
_WEAK: Final = ("var", "import")

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class ModuleName:
    """A module by its dotted name, and whether it is a package; `folder` is where it lies."""

    name: str
    is_package: bool = False
    folder: Path | None = None

    def absolute(self, node: ast.ImportFrom) -> str:
        """Name the module that a `from … import` in this module means."""
        if not node.level:
            return node.module or ""
        parts = self.name.split(".")
        kept = parts[: len(parts) - node.level + self.is_package]
        return ".".join([*kept, *([node.module] if node.module else [])])


@dataclass(slots=True)
class _Reader:
    module: ModuleName
    annotated: bool
    members: bool
    stubs: dict[str, str] = field(default_factory=dict)

    def read(self, body: Iterable[ast.stmt], *, sure: bool) -> None:
        """Read statements; of those that are not `sure` to run, the first that says most wins."""
        for node in body:
            for name, stub in self._bound(node):
                self._keep(name, stub, sure=sure)
            if isinstance(node, ast.ClassDef) and (self.members or _is_dataclass(node)):
                self._members(node)
            for inner in _inner_bodies(node):
                self.read(inner, sure=False)

    def _keep(self, name: str, stub: str, *, sure: bool) -> None:
        known = self.stubs.get(name)
        if known is None or known in _WEAK or (sure and stub not in _WEAK):
            self.stubs[name] = stub

    def _bound(self, node: ast.stmt) -> Iterator[tuple[str, str]]:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                yield node.name, self._function(node)
            case ast.ClassDef():
                yield node.name, _class(node)
            case ast.ImportFrom():
                yield from self._imported_from(node)
            case ast.Import():
                yield from (_imported(alias) for alias in node.names if _is_told(alias.name))
            case ast.AnnAssign(target=ast.Name(id=name), value=value):
                yield name, _variable(value)
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    yield from ((name, _variable(value)) for name in _names(target))

    def _imported_from(self, node: ast.ImportFrom) -> Iterator[tuple[str, str]]:
        source = self.module.absolute(node)
        inside = source.partition(".")[0] == self.module.name.partition(".")[0]
        for place, alias in enumerate(node.names):
            if alias.name == "*":
                if inside:
                    yield f"{EVERYTHING} {len(self.stubs) + place}", f"from {source}"
            elif inside:
                bound = alias.asname or alias.name
                yield bound, f"from {source}{'' if bound == alias.name else f':{alias.name}'}"
            elif _is_told(source):
                yield alias.asname or alias.name, "import"

    def _members(self, node: ast.ClassDef) -> None:
        for part in _class_statements(node.body):
            for name, stub in self._member(part):
                self.stubs[f"{node.name}.{name}"] = stub

    def _member(self, node: ast.stmt) -> Iterator[tuple[str, str]]:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                if not {_last_name(one) for one in node.decorator_list} & _REST_OF_PROPERTIES:
                    yield node.name, self._method(node)
            case ast.ClassDef(name=name):
                yield name, "var"
            case ast.AnnAssign(target=ast.Name(id=name), value=value):
                yield name, "field" if value is None else "field="
            case ast.Assign(targets=targets):
                yield from ((name, "field=") for target in targets for name in _names(target))

    def _method(self, node: FunctionNode) -> str:
        decorators = {_last_name(one) for one in node.decorator_list}
        words = [word for name, word in _FLAGS.items() if name in decorators]
        if decorators & _PROPERTIES:
            return " ".join([*words, "property"])
        return " ".join([*words, self._function(node)])

    def _function(self, node: FunctionNode) -> str:
        return f"def {signature(node.args, annotated=self.annotated)}"


def read_stubs(
    tree: ast.Module, module: ModuleName, *, annotated: bool = False, members: bool = True
) -> dict[str, str]:
    """Read a module into stubs, each under the name that it is bound to.

    Args:
        tree: the module's syntax tree.
        module: its name, which relative imports are read against.
        annotated: keep the types of parameters.
        members: read what classes hold as well.
    """
    reader = _Reader(module, annotated, members)
    reader.read(tree.body, sure=True)
    return reader.stubs


def signature(args: ast.arguments, *, annotated: bool = False) -> str:
    """Write parameters as a stub has them, defaults as `...`."""

    def one(arg: ast.arg, default: bool, stars: str = "") -> str:
        typed = f": {ast.unparse(arg.annotation)}" if annotated and arg.annotation else ""
        equals = (" = ..." if typed else "=...") if default else ""
        return f"{stars}{arg.arg}{typed}{equals}"

    positional = [*args.posonlyargs, *args.args]
    required = len(positional) - len(args.defaults)
    parts = [one(arg, place >= required) for place, arg in enumerate(positional)]
    if args.posonlyargs:
        parts.insert(len(args.posonlyargs), "/")
    if args.vararg:
        parts.append(one(args.vararg, False, "*"))
    elif args.kwonlyargs:
        parts.append("*")
    pairs = zip(args.kwonlyargs, args.kw_defaults, strict=True)
    parts.extend(one(arg, default is not None) for arg, default in pairs)
    if args.kwarg:
        parts.append(one(args.kwarg, False, "**"))
    return f"({', '.join(parts)})"


def _is_dataclass(node: ast.ClassDef) -> bool:
    return any("dataclass" in _last_name(one) for one in node.decorator_list)


def _class(node: ast.ClassDef) -> str:
    kind = "dataclass" if _is_dataclass(node) else "class"
    bases = (base.value if isinstance(base, ast.Subscript) else base for base in node.bases)
    return f"{kind}({', '.join(ast.unparse(base) for base in bases)})"


def _imported(alias: ast.alias) -> tuple[str, str]:
    if alias.name.partition(".")[0] != "vllm":
        return alias.asname or alias.name.partition(".")[0], "import"
    return (alias.asname, f"module {alias.name}") if alias.asname else ("vllm", "module vllm")


def _is_told(module: str) -> bool:
    package = module.partition(".")[0]
    return package not in UNTOLD and package not in sys.stdlib_module_names


def _variable(value: ast.expr | None) -> str:
    match value:
        case ast.Call(func=ast.Name(id=name)) if name[:1].isupper() and not name.isupper():
            return f"new {name}"
        case ast.Name(id=name):
            return f"from :{name}"
    return "var"


def _last_name(node: ast.expr) -> str:
    target = node.func if isinstance(node, ast.Call) else node
    return ast.unparse(target).rpartition(".")[2]


def _names(target: ast.expr) -> Iterator[str]:
    match target:
        case ast.Name(id=name):
            yield name
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            for part in parts:
                yield from _names(part)


def _inner_bodies(node: ast.stmt) -> Iterator[list[ast.stmt]]:
    """Give the blocks of a statement that still bind names of the module."""
    match node:
        case ast.If(body=body, orelse=other):
            yield from (body, other)
        case ast.Try(body=body, handlers=handlers, orelse=other, finalbody=final):
            yield body
            yield other
            yield from (handler.body for handler in handlers)
            yield final
        case ast.With(body=body) | ast.For(body=body) | ast.While(body=body):
            yield body


def _class_statements(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    for node in body:
        yield node
        for inner in _inner_bodies(node):
            yield from _class_statements(inner)
