"""The outline of a decoder in source: what parameters it makes of a config, and what it does.

Two decoders with one outline are the same computation under other class names.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mmport.anatomy.classes import ModelClass, find_class, own_attribute
from mmport.anatomy.decoder.kinds import (
    bound_arguments,
    inherited_kind,
    is_module,
    last_name,
    norm_kind,
    torch_kind,
)
from mmport.anatomy.decoder.settled import UNSETTLED, ConfigView, settle
from mmport.anatomy.decoder.steps import steps_of
from mmport.anatomy.parameters import defaults

_DEPTH = 8
"""How far modules nest; source that goes deeper is no decoder that anyone wrote."""


@dataclass(frozen=True, slots=True)
class Outline:
    """What a decoder is made of.

    `parts` maps a path (`layers.*.self_attn.q_proj`) to the kinds of module that
    can stand there, most often one; `steps` maps the path of a module with
    parts to what its `forward` does, in order.
    """

    parts: Mapping[str, frozenset[str]]
    steps: Mapping[str, frozenset[tuple[str, ...]]]


@dataclass(slots=True)
class _Outliner:
    aside: frozenset[str] = frozenset()
    parts: dict[str, set[str]] = field(default_factory=dict)
    steps: dict[str, set[tuple[str, ...]]] = field(default_factory=dict)

    def add(self, path: str, kind: str) -> None:
        self.parts.setdefault(path, set()).add(kind)


@dataclass(slots=True)
class Built:
    """A module in the making: its class, what its attributes are, which of them are modules."""

    of: ModelClass
    path: str
    scope: dict[str, Any]
    children: dict[str, str] = field(default_factory=dict)
    classes: dict[str, str] = field(default_factory=dict)
    """By local variable: the class that it stands for."""
    """By attribute: `module`, `list` (of modules), `act` (a function), `through`
    (what training alone needs), or `plain` (no parameters)."""


def outline(
    decoder: ModelClass, config: ConfigView, aside: frozenset[str] = frozenset()
) -> Outline:
    """Read the outline of a decoder's class for a config, leaving attributes `aside` out."""
    reader = _Outliner(aside)
    _build(reader, decoder, "", {"config": config}, _DEPTH)
    return Outline(
        parts={path: frozenset(kinds) for path, kinds in reader.parts.items()},
        steps={path: frozenset(steps) for path, steps in reader.steps.items()},
    )


def _build(
    reader: _Outliner, owner: ModelClass, path: str, arguments: Mapping[str, Any], depth: int
) -> bool:
    """Take in a class's modules; tell whether it owns any parameters."""
    before = len(reader.parts)
    made = Built(owner, path, dict(arguments))
    made.scope.setdefault("self.config", arguments.get("config", UNSETTLED))
    _run_init(reader, made, owner, dict(arguments), depth)
    owns = len(reader.parts) > before or any(
        known == path or known.startswith(f"{path}.") for known in reader.parts if path
    )
    if owns and (forward := owner.method("forward")) is not None:
        reader.steps.setdefault(path, set()).add(steps_of(made, forward))
    return owns


def _run_init(
    reader: _Outliner, made: Built, owner: ModelClass, arguments: dict[str, Any], depth: int
) -> None:
    init = owner.method("__init__")
    if init is None or depth < 0:
        return
    scope = made.scope
    for name, value in {**_defaults(init.node), **arguments}.items():
        scope[name] = value
    for node in _taken(init.node.body, scope):
        _statement(reader, made, owner, node, depth)


def _taken(body: Sequence[ast.stmt], scope: dict[str, Any]) -> Iterator[ast.stmt]:
    """Give the statements that run; where a condition is unsettled, those of both branches."""
    for node in body:
        if isinstance(node, ast.If):
            test = settle(node.test, scope)
            if test is UNSETTLED or test:
                yield from _taken(node.body, scope)
            if test is UNSETTLED or not test:
                yield from _taken(node.orelse, scope)
        else:
            yield node


def _statement(
    reader: _Outliner, made: Built, owner: ModelClass, node: ast.stmt, depth: int
) -> None:
    match node:
        case ast.Expr(
            value=ast.Call(
                func=ast.Attribute(value=ast.Call(func=ast.Name(id="super")), attr="__init__")
            ) as call
        ):
            _super(reader, made, owner, call, depth)
        case ast.Expr(
            value=ast.Call(func=ast.Attribute(value=held, attr="append"), args=[value])
        ) if (name := own_attribute(held)) is not None:
            _module(reader, made, f"{made.path}.{name}.*".lstrip("."), value, depth)
        case ast.For(body=body):
            for inner in _taken(body, made.scope):
                _statement(reader, made, owner, inner, depth)
        case ast.Assign(targets=[target], value=value):
            _assign(reader, made, target, value, depth)
        case ast.AnnAssign(target=target, value=ast.expr() as value):
            _assign(reader, made, target, value, depth)


def _super(reader: _Outliner, made: Built, owner: ModelClass, call: ast.Call, depth: int) -> None:
    """Go on in the `__init__` of the next base that has one in the source."""
    holders = [index for index, item in enumerate(owner.lineage) if _has_init(item.node)]
    if len(holders) < 2:
        return
    base = ModelClass(owner.tree, owner.lineage[holders[1]])
    init = base.method("__init__")
    if init is None:
        return
    scope = dict(made.scope)
    inner = Built(made.of, made.path, scope, made.children)
    _run_init(reader, inner, base, bound_arguments(base, call, made.scope), depth - 1)
    made.scope.update({name: value for name, value in scope.items() if name.startswith("self.")})


def _assign(reader: _Outliner, made: Built, target: ast.expr, value: ast.expr, depth: int) -> None:
    name = own_attribute(target)
    if name is None:
        if isinstance(target, ast.Name):
            made.scope[target.id] = settle(value, made.scope)
            made.classes[target.id] = _class_name(value, made.scope)
        return
    child = f"{made.path}.{name}".lstrip(".")
    if child in reader.aside:
        made.children[name] = "plain"
        return
    role = _module(reader, made, child, value, depth)
    if role:
        made.children[name] = role
    else:
        made.scope[f"self.{name}"] = settle(value, made.scope)


def _module(reader: _Outliner, made: Built, path: str, value: ast.expr, depth: int) -> str:
    """Take in what an attribute is set to; the role of a module, empty if it is none."""
    match value:
        case ast.IfExp(test=test, body=body, orelse=orelse):
            chosen = settle(test, made.scope)
            ways = [
                w
                for w, no in ((body, False), (orelse, True))
                if chosen is UNSETTLED or bool(chosen) is not no
            ]
            roles = [_module(reader, made, path, way, depth) for way in ways]
            return next((role for role in roles if role), "")
        case ast.Subscript(value=ast.Name(id="ACT2FN"), slice=index):
            reader.add(path, f"activation {settle(index, made.scope)!r}")
            return "act"
        case ast.Call(func=func) if last_name(func) == "ModuleList":
            return _list(reader, made, path, value, depth)
        case ast.Call(func=func) if (kind := torch_kind(value, made.scope)) is not None:
            if kind:
                reader.add(path, kind)
            return "module" if kind else "through"
        case ast.Call():
            return _class(reader, made, path, value, depth)
    return ""


def _list(reader: _Outliner, made: Built, path: str, value: ast.Call, depth: int) -> str:
    for argument in value.args:
        items: Iterable[ast.expr] = ()
        if isinstance(argument, ast.ListComp | ast.GeneratorExp):
            items = (argument.elt,)
        elif isinstance(argument, ast.List):
            items = argument.elts
        for item in items:
            _module(reader, made, f"{path}.*", item, depth)
    return "list"


def _class(reader: _Outliner, made: Built, path: str, value: ast.Call, depth: int) -> str:
    """Go into a class that the source has."""
    init = made.of.method("__init__")
    module = init.module if init else made.of.module
    name = last_name(value.func)
    if name in {"_from_config", "from_config"} and isinstance(value.func, ast.Attribute):
        name = last_name(value.func.value)
    name = made.classes.get(name) or name
    found = find_class(made.of.tree, module, name) if name[:1].isupper() else None
    if found is None or depth <= 0:
        return ""
    if not is_module(found):
        return ""
    if (kind := norm_kind(found, value, made.scope)) is not None:
        reader.add(path, kind)
        return "module"
    if (kind := inherited_kind(found, value, made.scope)) is not None:
        reader.add(path, kind)
    arguments = bound_arguments(found, value, made.scope)
    if _build(reader, found, path, arguments, depth - 1):
        return "module"
    if "Rotary" in found.name and _rotates_by_layer(made.scope):
        ways = "layer_type" in "".join(ast.unparse(item.node) for item in found.lineage)
        reader.add(path, "rotation by kind of layer" if ways else "one rotation")
    return "plain"


def _class_name(value: ast.expr, scope: Mapping[str, Any]) -> str:
    """Name the class that an expression chooses; empty if it is no plain choice of one."""
    match value:
        case ast.Name(id=name) if name[:1].isupper():
            return name
        case ast.IfExp(test=test, body=body, orelse=orelse):
            chosen = settle(test, scope)
            return "" if chosen is UNSETTLED else _class_name(body if chosen else orelse, scope)
    return ""


def _rotates_by_layer(scope: Mapping[str, Any]) -> bool:
    """Tell whether a config has rotary settings by the kind of layer."""
    view = scope.get("config")
    settings = view.get("rope_parameters") if isinstance(view, ConfigView) else None
    return isinstance(settings, dict) and any(isinstance(v, dict) for v in settings.values())


def _has_init(node: ast.ClassDef) -> bool:
    return any(isinstance(item, ast.FunctionDef) and item.name == "__init__" for item in node.body)


def _defaults(node: ast.FunctionDef) -> dict[str, Any]:
    """Give the values of parameters that have a constant default."""
    values: dict[str, Any] = {one.arg: UNSETTLED for one in node.args.kwonlyargs}
    values |= {name: settle(default, {}) for name, default in defaults(node)}
    # A layer's index is given in every call, whatever its default.
    return {
        name: UNSETTLED if value is None and "idx" in name else value
        for name, value in values.items()
    }
