"""Which statements of a constructor make the attributes that are needed, and no others."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass

from mmport.anatomy.classes import (
    Method,
    ModelClass,
    imported_from,
    names,
    own_attribute,
    own_attributes,
)
from mmport.anatomy.features.branches import linear
from mmport.anatomy.parameters import defaults
from mmport.core.source_tree import SourceTree
from mmport.model.spec import ImportedName

_SELF_MADE = frozenset({"config", "dtype", "device", "training", "post_init"})
"""What every model has without making it."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A statement, and the module that it stands in; `changed` from what stands there."""

    module: str
    node: ast.stmt
    changed: bool = False

    def text(self, tree: SourceTree) -> str:
        """Give the statement's text, its own comments in it where it is as it stands."""
        return ast.unparse(self.node) if self.changed else source_of(tree, self.module, self.node)


def needed_attributes(
    owner: ModelClass, methods: Iterable[ast.AST], instead: Mapping[str, str] | None = None
) -> set[str]:
    """Name the attributes of `self` that methods need, through the methods that they call.

    `instead` are texts of methods that take the place of the class's own.
    """
    needed: set[str] = set()
    waiting, seen = list(methods), set()
    while waiting:
        for name in own_attributes(waiting.pop()):
            called = owner.method(name)
            if called is None:
                needed.add(name)
            elif name not in seen:
                seen.add(name)
                text = (instead or {}).get(name)
                waiting.append(ast.parse(text) if text else called.node)
    return needed - _SELF_MADE


def constructing(
    owner: ModelClass, needed: set[str], configs: Mapping[str, ast.expr] | None = None
) -> list[Placed]:
    """Give the statements of `__init__` that make some attributes, in order.

    What the class does not make itself, the nearest base that has it does.

    Args:
        owner: the class.
        needed: the attributes.
        configs: by the name of a module that is not made, the config that it
            would be made from, of which the others may take a size.
    """
    wanted, kept = set(needed), list[Placed]()
    for init in owner.every("__init__"):
        variables = set[str]()
        for found in reversed(list(_for_config_alone(init))):
            sets, binds = _targets(found)
            if _calls_super(found) or not (sets & wanted or binds & variables):
                continue
            statement = _Configs(configs or {}).visit(deepcopy(found)) if configs else found
            changed = bool(configs) and ast.unparse(statement) != ast.unparse(found)
            kept.append(Placed(init.module, statement if changed else found, changed))
            wanted |= needed_attributes(owner, [statement])
            variables |= names(statement)
        wanted -= set(made(one.node for one in kept))
    return kept[::-1]


def _for_config_alone(init: Method) -> Iterator[ast.stmt]:
    """Give the statements that run where a config is all that is given."""
    absent = {
        name
        for name, default in defaults(init.node)
        if isinstance(default, ast.Constant) and default.value is None
    }
    yield from linear(init.node.body, lambda name: False if name in absent else None)


class _Configs(ast.NodeTransformer):
    """Takes from a config what a statement takes from the module that is made of it."""

    def __init__(self, configs: Mapping[str, ast.expr]) -> None:
        self._configs = configs

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        """Replace `self.x.config`, and the width of `self.x`'s embeddings."""
        match node:
            case ast.Attribute(value=module, attr="config"):
                found, width = self._configs.get(own_attribute(module) or ""), ""
            case ast.Attribute(
                value=ast.Call(func=ast.Attribute(value=module, attr="get_input_embeddings")),
                attr="embedding_dim",
            ):
                found, width = self._configs.get(own_attribute(module) or ""), "hidden_size"
            case _:
                return self.generic_visit(node)
        if found is None:
            return self.generic_visit(node)
        return ast.Attribute(deepcopy(found), width, ast.Load()) if width else deepcopy(found)


def made(statements: Iterable[ast.stmt]) -> tuple[str, ...]:
    """Name the attributes that statements make, in order."""
    found: dict[str, None] = {}
    for statement in statements:
        for node in ast.walk(statement):
            if isinstance(node, ast.Assign | ast.AnnAssign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                found |= {name: None for one in targets if (name := own_attribute(one))}
            found |= dict.fromkeys(_registered(node))
    return tuple(found)


def source_of(tree: SourceTree, module: str, statement: ast.stmt) -> str:
    """Give a statement's own text, comments in it included, without its indentation."""
    text = tree.text(module) or ""
    segment = ast.get_source_segment(text, statement, padded=True)
    return textwrap.dedent(segment) if segment else ast.unparse(statement)


def imports_of(
    tree: SourceTree, module: str, statements: Iterable[ast.AST], builtin: Iterable[str] = ()
) -> tuple[ImportedName, ...]:
    """Find where the names that statements use come from."""
    parsed = tree.module(module)
    used = set().union(*(names(statement) for statement in statements)) - set(builtin)
    found = {
        name: ImportedName(name, module)
        for node in (parsed.body if parsed else ())
        for name in _defined(node)
        if name in used
    }
    for node in ast.walk(parsed) if parsed else ():
        if isinstance(node, ast.Import):
            for alias in node.names:
                bound = alias.asname or alias.name.partition(".")[0]
                whole = alias.name if alias.asname else bound
                if bound in used:
                    found.setdefault(bound, ImportedName(bound, whole, whole=True))
    for name in used - found.keys():
        if origin := imported_from(tree, module, name):
            found[name] = ImportedName(name, origin)
    return tuple(found[name] for name in sorted(found))


def _defined(node: ast.stmt) -> Iterator[str]:
    match node:
        case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
            yield name
        case ast.Assign(targets=[ast.Name(id=name)]):
            yield name


def _targets(statement: ast.stmt) -> tuple[set[str], set[str]]:
    """Name the attributes that a statement sets, and the variables that it binds."""
    attributes, variables = set[str](), set[str]()
    for node in ast.walk(statement):
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                for part in ast.walk(target):
                    if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
                        variables.add(part.id)
                    elif (name := own_attribute(part)) is not None:
                        attributes.add(name)
        attributes |= set(_registered(node))
    return attributes, variables


def _registered(node: ast.AST) -> list[str]:
    """Name the buffer or parameter that a call registers on `self`."""
    match node:
        case ast.Call(
            func=ast.Attribute(
                value=ast.Name(id="self"),
                attr="register_buffer" | "register_parameter" | "add_module",
            ),
            args=[ast.Constant(value=str(name)), *_],
        ):
            return [name]
    return []


def _calls_super(statement: ast.stmt) -> bool:
    match statement:
        case ast.Expr(
            value=ast.Call(func=ast.Attribute(value=ast.Call(func=ast.Name(id="super"))))
        ):
            return True
    return False
