"""Which statements of a repo's modules a set of wanted classes and functions needs."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from mmport.anatomy.repo_code.module_text import (
    Definition,
    Import,
    ModuleText,
    Unit,
    asked_names,
    bound_names,
    imported,
)
from mmport.core.errors import MalformedSource

_MAIN = "__name__"


@dataclass(slots=True)
class Reach:
    """What is needed, by module: names, names of star imports, and units kept for what they do.

    `members` are, by module and class, what is needed of a class that is not
    needed whole.
    """

    modules: Mapping[str, ModuleText]
    names: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    units: dict[str, set[Unit]] = field(default_factory=lambda: defaultdict(set))
    members: dict[tuple[str, str], set[str]] = field(default_factory=lambda: defaultdict(set))
    _partly: set[tuple[str, str]] = field(default_factory=set)
    _seen: set[tuple[tuple[str, str], tuple[str, str], str]] = field(default_factory=set)

    def want(self, wanted: Mapping[str, Iterable[str]]) -> None:
        """Ask for names of modules; `Class.method` asks for a class in part.

        Raises:
            MalformedSource: a module or a name is not there, or an import of
                what is needed leads nowhere.
        """
        asked = [
            (self._module(module, "the port"), name) for module in wanted for name in wanted[module]
        ]
        for source, name in asked:
            outer, dot, _ = name.partition(".")
            if outer not in source.bindings:
                raise MalformedSource(f"{source.name}.py has no {outer}", "mend the repo's code")
            if dot and source.find_class(outer) is not None:
                self._partly.add((source.name, outer))
        for source, name in asked:
            outer, _, member = name.partition(".")
            if (source.name, outer) in self._partly:
                self._need_member(source, outer, member)
            else:
                self._need(source, outer)

    def settle(self) -> None:
        """Add the statements that change what is needed, such as an entry in a registry."""
        before = -1
        while before != (before := sum(map(len, self.units.values()))):
            for name in list(self.units):
                source = self.modules[name]
                for unit in source.units:
                    if unit not in self.units[name] and self._changes_needed(source, unit):
                        self._keep(source, unit)

    def whole(self, module: str, name: str) -> bool:
        """Tell whether a name is needed with everything that is in it."""
        return name in self.names[module]

    def _module(self, name: str, asked_by: str) -> ModuleText:
        if name not in self.modules:
            raise MalformedSource(
                f"{asked_by} needs {name}.py, which the repo does not have",
                "fetch the repo again, or mend its code",
            )
        return self.modules[name]

    def _need(self, source: ModuleText, name: str) -> None:
        """Need a name, with all that it needs itself."""
        if name in self.names[source.name] or (source.name, name) in self._partly:
            return
        self.names[source.name].add(name)
        for unit in source.bindings.get(name, ()) or self._stars(source, name):
            self._keep(source, unit)
        for item in source.imports.get(name, ()):
            self._follow(source, name, item)

    def _keep(self, source: ModuleText, unit: Unit) -> None:
        """Keep a unit; of an import, that alone which is needed by name."""
        if unit in self.units[source.name]:
            return
        self.units[source.name].add(unit)
        self._need_all(source, unit.nodes)

    def _need_all(self, source: ModuleText, nodes: Iterable[ast.stmt]) -> None:
        """Need what statements ask for, and what is imported inside of definitions."""
        nodes = list(nodes)
        for name in sorted(asked_names(nodes)):
            self._need(source, name)
        for node in nodes:
            for definition in ast.walk(node):
                if isinstance(definition, Definition):
                    for name, item in imported(ast.walk(definition)):
                        self._follow(source, name, item)

    def _follow(self, source: ModuleText, name: str, item: Import) -> None:
        """Go where a relative import leads; what is not the repo's is left alone."""
        if item.level == 0:
            return
        target = source.resolve(item)
        whole = f"{target}.{item.name}" if target else item.name
        if whole in self.modules and not self._binds(target, item.name):
            self._need_used(source, self.modules[whole], name)
        else:
            self._need(self._module(target, f"{source.name}.py"), item.name)

    def _binds(self, module: str, name: str) -> bool:
        return module in self.modules and name in self.modules[module].bindings

    def _need_used(self, source: ModuleText, target: ModuleText, alias: str) -> None:
        """Need what is used of a module that is imported as a whole."""
        self.units[target.name]  # the import wants the file, whatever is used of it
        for node in ast.walk(source.tree):
            match node:
                case ast.Attribute(value=ast.Name(id=used), attr=name) if used == alias:
                    if name in target.bindings:
                        self._need(target, name)

    def _stars(self, source: ModuleText, name: str) -> Iterator[Unit]:
        """Find the star imports that a name may come from; if it is the repo's, the one."""
        stars = [
            (unit, node)
            for unit in source.units
            for node in unit.nodes
            if isinstance(node, ast.ImportFrom) and node.names[0].name == "*"
        ]
        for unit, node in stars:
            item = Import(node.level, node.module or "", name)
            if node.level and self._binds(source.resolve(item), name):
                self._follow(source, name, item)
                yield unit
                return
        yield from (unit for unit, node in stars if not node.level)

    def _need_member(
        self,
        source: ModuleText,
        class_name: str,
        member: str,
        of: tuple[ModuleText, str] | None = None,
    ) -> None:
        """Need a member of a class, its own or a base's, and what it uses of `self`.

        What a base's method uses is looked for in the class that it is needed for, `of`.
        """
        node = source.find_class(class_name)
        key = (source.name, class_name)
        asking = of or (source, class_name)
        step = ((asking[0].name, asking[1]), key, member)
        if node is None or step in self._seen:
            return
        self._seen.add(step)
        if not self.members[key]:
            self._need_frame(source, node)
        self.members[key].add(member)
        found = [item for item in node.body if member in bound_names([item])]
        self._need_all(source, found)
        inherited = set() if found else {member}
        for item in found:
            inherited |= set(_used_of_bases(item))
            for name in _used_of_self(item, class_name):
                self._need_member(*asking, name)
        for base in node.bases:
            if (own := self._own_class(source, base)) is not None:
                for name in sorted(inherited):
                    self._need_member(*own, name, asking)

    def _need_frame(self, source: ModuleText, node: ast.ClassDef) -> None:
        """Need the head of a class that is not needed whole, and its plain settings."""
        self.units[source.name].update(source.bindings[node.name])
        head = [*node.decorator_list, *(item.value for item in node.keywords)]
        for base in node.bases:
            own = self._own_class(source, base)
            if own is None:
                head.append(base)
                continue
            self._need_member(*own, "")
            if own[0] is not source and isinstance(base, ast.Name):  # its import, not all of it
                self.names[source.name].add(base.id)
                self.units[source.name].update(source.bindings[base.id])
        self._need_all(source, [ast.Expr(item) for item in head])
        self._need_all(source, plain_settings(source, node))

    def _own_class(self, source: ModuleText, base: ast.expr) -> tuple[ModuleText, str] | None:
        """Find a base among the repo's classes."""
        if not isinstance(base, ast.Name):
            return None
        if source.find_class(base.id) is not None:
            return source, base.id
        for item in source.imports.get(base.id, ()):
            target = self.modules.get(source.resolve(item)) if item.level else None
            if target is not None and target.find_class(item.name) is not None:
                return target, item.name
        return None

    def _changes_needed(self, source: ModuleText, unit: Unit) -> bool:
        """Tell whether a unit that binds nothing needed changes something that is.

        A thing of the repo's own changes with all that is done to it. What is
        done to another package's, such as a registry's, counts if all of the
        repo's own in it is needed anyway.
        """
        roots = {root for node in unit.nodes for root in changed_names(node)}
        needed = self.names[source.name]
        if not roots & needed or _MAIN in {
            item.id for node in unit.nodes for item in ast.walk(node) if isinstance(item, ast.Name)
        }:
            return False
        if any(root in needed and root not in source.imports for root in roots):
            return True
        own = {name for name in asked_names(unit.nodes) if source.is_own(name)}
        return bool(own) and own <= needed


def _used_of_self(node: ast.AST, class_name: str) -> Iterator[str]:
    for item in ast.walk(node):
        match item:
            case ast.Attribute(value=ast.Name(id=name), attr=member):
                if name in ("self", "cls", class_name):
                    yield member
            case ast.Call(
                func=ast.Name(id="getattr" | "hasattr"),
                args=[ast.Name(id="self"), ast.Constant(value=str(member)), *_],
            ):
                yield member


def _used_of_bases(node: ast.AST) -> Iterator[str]:
    for item in ast.walk(node):
        match item:
            case ast.Attribute(value=ast.Call(func=ast.Name(id="super")), attr=member):
                yield member


def plain_settings(source: ModuleText, node: ast.ClassDef) -> list[ast.stmt]:
    """Find a class's settings that need nothing of the repo: `_supports_sdpa = True`."""
    return [
        item
        for item in node.body
        if isinstance(item, ast.Assign | ast.AnnAssign)
        and item.value is not None
        and not any(source.is_own(name) for name in asked_names([item]))
    ]


def changed_names(node: ast.AST) -> Iterator[str]:
    """Name what a statement changes without binding it: `X.a = …`, `X[k] = …`, `X.add(…)`."""
    if isinstance(node, Definition):
        return
    targets: list[ast.expr] = []
    match node:
        case ast.Assign():
            targets = node.targets
        case ast.AugAssign() | ast.AnnAssign():
            targets = [node.target]
        case ast.Delete():
            targets = node.targets
        case ast.Expr(value=ast.Call(func=ast.Attribute() as called)):
            targets = [called]
    for target in targets:
        if isinstance(target, ast.Attribute | ast.Subscript):
            yield _root(target)
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt):
            yield from changed_names(child)


def _root(node: ast.expr) -> str:
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""
