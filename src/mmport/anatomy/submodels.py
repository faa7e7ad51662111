"""The models within a model, as its constructors make them, and how their modules are called."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from mmport.anatomy.classes import (
    ModelClass,
    find_class,
    imported_from,
    library_module,
    own_attribute,
)
from mmport.anatomy.factories import returned_calls
from mmport.core.source_tree import SourceTree, package_folder
from mmport.model.conversions import Submodel

_LIBRARY = "transformers."
_MAKERS = frozenset({"from_config", "_from_config", "from_pretrained", "create_model", "build"})
_DEPTH = 8
"""How far models nest; what goes deeper goes in circles."""


@dataclass(slots=True)
class Inside:
    """What is in a model: the models that transformers knows, and how modules are called.

    `attributes` maps the path of a module to what it is made of; `opaque` are
    the paths of modules whose class the source does not have.
    """

    submodels: list[Submodel] = field(default_factory=list)
    attributes: dict[str, set[str]] = field(default_factory=dict)
    opaque: set[str] = field(default_factory=set)
    holders: set[str] = field(default_factory=set)
    """Paths of what may have tensors: modules and parameters."""
    modules: dict[str, str] = field(default_factory=dict)
    """By path of a model within, the module of source that has its class."""
    ignored: dict[str, set[str]] = field(default_factory=dict)
    """By path, patterns of tensors that a class expects in checkpoints and has no place for."""
    transient: dict[str, set[str]] = field(default_factory=dict)
    """By path, buffers that are made anew and not saved."""

    def names_below(self, path: str) -> frozenset[str] | None:
        """Name the attributes of the module at a path and of all within it.

        None where not all of them are known.
        """
        within = [where for where in self.attributes if _is_within(where, path)]
        if not within or any(_is_within(where, path) for where in self.opaque):
            return None
        return frozenset(name for where in within for name in self.attributes[where])

    def ignored_below(self, path: str) -> frozenset[str]:
        """Give the patterns that the classes of a module and of those within it ignore."""
        return _below(self.ignored, path)

    def transient_below(self, path: str) -> frozenset[str]:
        """Name the buffers that are made anew in a module, and nothing that is saved there."""
        saved = {
            name
            for where, found in self.attributes.items()
            if _is_within(where, path)
            for name in found - self.transient.get(where, set())
        }
        return _below(self.transient, path) - saved

    def names(self) -> dict[str, frozenset[str]]:
        """Give what `names_below` gives for each path that is known."""
        every = {path: self.names_below(path) for path in self.attributes}
        return {path: names for path, names in every.items() if names is not None}


def read_inside(top: ModelClass, config: Mapping[str, Any]) -> Inside:
    """Read which models a model is made of.

    Args:
        top: the class of the whole.
        config: its config with defaults filled in, as a dictionary.
    """
    inside = Inside()
    _visit(inside, top, "", config, _DEPTH)
    return inside


def _visit(
    inside: Inside, model: ModelClass, path: str, config: Mapping[str, Any] | None, depth: int
) -> None:
    if _is_model(model) and model.module.startswith(_LIBRARY):
        model_type = (config or {}).get("model_type")
        inside.submodels.append(Submodel(path, model.name, str(model_type or "")))
    inside.modules[path] = model.module
    for item in model.lineage:
        inside.ignored.setdefault(path, set()).update(_ignored(item.node))
        inside.transient.setdefault(path, set()).update(_transient(item.node))
    attributes = inside.attributes.setdefault(path, set())
    bare, made = set[str](), set[str]()
    for name, value, module in _attributes(model):
        attributes.add(name)
        where = f"{path}.{name}".lstrip(".")
        inside.attributes.setdefault(where, set())
        (bare if isinstance(value, ast.Name) else made).add(where)
        for origin, call in _calls(model, module, value):
            if _makes_module(call):
                inside.holders.add(where)
            found = _made(model, origin, call, config)
            if found is not None and depth:
                _visit(inside, found[0], where, found[1], depth - 1)
            elif found is not None or _is_foreign(model.tree, origin, call):
                inside.opaque.add(where)
    # A module that is only handed over may be anything.
    called = {f"{path}.{name}".lstrip(".") for name in _called(model)}
    inside.opaque |= (bare - made) & called


def _called(model: ModelClass) -> set[str]:
    return {
        name
        for item in model.lineage
        for node in ast.walk(item.node)
        if isinstance(node, ast.Call) and (name := own_attribute(node.func)) is not None
    }


def _makes_module(call: ast.Call) -> bool:
    """Tell whether a call may make a module; a function that nobody knows may."""
    function = ast.unparse(call.func)
    last = function.rpartition(".")[2]
    if isinstance(call.func, ast.Name) and not hasattr(builtins, function):
        return True
    return last[:1].isupper() or last in _MAKERS


def _below(found: Mapping[str, set[str]], path: str) -> frozenset[str]:
    return frozenset(
        name for where, names in found.items() if _is_within(where, path) for name in names
    )


def _is_within(where: str, path: str) -> bool:
    return not path or where == path or where.startswith(f"{path}.")


def _is_foreign(tree: SourceTree, module: str, call: ast.Call) -> bool:
    """Tell whether a call that leads to no source makes a module that may have any parts.

    Torch's own have none that checkpoints rename.
    """
    match call.func:
        case ast.Name(id=name) if name[:1].isupper():
            origin = imported_from(tree, module, name) or ""
            return origin.partition(".")[0] != "torch"
        case ast.Attribute(value=ast.Name(), attr="from_config" | "_from_config"):
            return True
    return False


def _ignored(node: ast.ClassDef) -> set[str]:
    for statement in node.body:
        match statement:
            case ast.Assign(
                targets=[ast.Name(id="_keys_to_ignore_on_load_unexpected")],
                value=ast.List(elts=items) | ast.Set(elts=items) | ast.Tuple(elts=items),
            ):
                return {
                    item.value
                    for item in items
                    if isinstance(item, ast.Constant) and isinstance(item.value, str)
                }
    return set()


def _transient(node: ast.ClassDef) -> set[str]:
    found = set[str]()
    for statement in ast.walk(node):
        match statement:
            case (
                ast.Call(
                    func=ast.Attribute(attr="register_buffer"),
                    args=[ast.Constant(value=str(name)), *_],
                    keywords=words,
                )
                | ast.Assign(
                    targets=[ast.Attribute(value=ast.Name(id="self"), attr=name)],
                    value=ast.Call(func=ast.Attribute(attr="Buffer"), keywords=words),
                )
            ) if any(
                word.arg == "persistent" and ast.unparse(word.value) == "False" for word in words
            ):
                found.add(name)
    return found


def _is_model(model: ModelClass) -> bool:
    bases = (ast.unparse(base) for item in model.lineage for base in item.node.bases)
    return any(base.endswith("PreTrainedModel") for base in bases)


def _attributes(model: ModelClass) -> Iterator[tuple[str, ast.expr, str]]:
    """Give what a class's line sets, in each way in which the nearest class sets it, and where."""
    seen: set[str] = set()
    for item in model.lineage:
        if item.module.startswith(_LIBRARY) and not item.module.startswith(f"{_LIBRARY}models."):
            # What every model has; none of it is the model's own.
            continue
        found = list(_set_in(item.node))
        yield from ((name, value, item.module) for name, value in found if name not in seen)
        seen |= {name for name, _ in found}


def _set_in(node: ast.ClassDef) -> Iterator[tuple[str, ast.expr]]:
    local: dict[str, list[ast.expr]] = {}
    for part in ast.walk(node):
        if isinstance(part, ast.Assign | ast.AnnAssign) and part.value is not None:
            for target in part.targets if isinstance(part, ast.Assign) else [part.target]:
                if isinstance(target, ast.Name):
                    local.setdefault(target.id, []).append(part.value)
    for part in ast.walk(node):
        if isinstance(part, ast.Assign | ast.AnnAssign) and part.value is not None:
            for target in part.targets if isinstance(part, ast.Assign) else [part.target]:
                if name := own_attribute(target):
                    yield name, part.value
                    yield from ((name, made) for made in _of_chosen_class(part.value, local))
                    if isinstance(part.value, ast.Name):
                        yield from ((name, value) for value in local.get(part.value.id, ()))
        elif (found := _registered(part)) is not None:
            yield found


def _of_chosen_class(value: ast.expr, local: Mapping[str, list[ast.expr]]) -> Iterator[ast.expr]:
    """Give what makes an instance of a class that a variable stands for."""
    match value:
        case ast.Call(func=ast.Name(id=name), args=args, keywords=words):
            for chosen in local.get(name, ()):
                yield ast.Call(chosen, args, words)


def _registered(node: ast.AST) -> tuple[str, ast.expr] | None:
    match node:
        case ast.Call(
            func=ast.Attribute(
                value=ast.Name(id="self"),
                attr="register_buffer" | "register_parameter" | "add_module",
            ),
            args=[ast.Constant(value=str(name)), value, *_],
        ):
            return name, value
    return None


def _calls(model: ModelClass, module: str, value: ast.expr) -> Iterator[tuple[str, ast.Call]]:
    """Give the calls in an expression that may make modules, each with where it stands.

    Those in lists are among them, and what a function of the source returns.
    """
    for node in ast.walk(value):
        if isinstance(node, ast.Call):
            yield module, node
            yield from returned_calls(model, module, node)


def _made(
    model: ModelClass, module: str, call: ast.Call, config: Mapping[str, Any] | None
) -> tuple[ModelClass, Mapping[str, Any] | None] | None:
    """Find the class that a call makes an instance of, and the config that it is given."""
    given = _settled(model, call, config)
    match call.func:
        case ast.Attribute(value=ast.Name(id=auto), attr="from_config" | "_from_config") if (
            auto.startswith("AutoModel")
        ):
            made = _auto(model.tree, auto, str((given or {}).get("model_type") or ""))
        case (
            ast.Name(id=name)
            | ast.Attribute(value=ast.Name(id=name), attr="_from_config" | "from_config")
        ):
            made = find_class(model.tree, module, name)
        case _:
            made = None
    return None if made is None or made.name == model.name else (made, given)


def built_by(model: ModelClass, attribute: str, config: Mapping[str, Any]) -> ModelClass | None:
    """Find the class of what a model's `__init__` keeps under a name, for a config."""
    init = model.method("__init__")
    for name, value in model.attributes() if init is not None else ():
        if name == attribute and isinstance(value, ast.Call) and init is not None:
            made = _made(model, init.module, value, config)
            if made is not None:
                return made[0]
    return None


def _settled(
    model: ModelClass, call: ast.Call, config: Mapping[str, Any] | None
) -> Mapping[str, Any] | None:
    """Give the part of the config that a call is given; None where that cannot be told."""
    for argument in (*call.args, *(word.value for word in call.keywords if word.arg == "config")):
        if (kept := own_attribute(argument)) not in (None, "config"):
            argument = dict(model.attributes()).get(kept or "", argument)
        path = ast.unparse(argument).removeprefix("self.").split(".")
        if path[0] == "config" and isinstance(argument, ast.Name | ast.Attribute):
            found: Any = config
            for part in path[1:]:
                found = found.get(part) if isinstance(found, Mapping) else None
            return found if isinstance(found, Mapping) else None
    return None


def _auto(tree: SourceTree, auto: str, model_type: str) -> ModelClass | None:
    table = "CAUSAL_LM" if auto == "AutoModelForCausalLM" else ""
    name = _auto_classes(table).get(model_type)
    module = library_module(name) if name else None
    return find_class(tree, module, name) if name and module else None


@cache
def _auto_classes(table: str) -> Mapping[str, str]:
    """Read the classes that transformers' auto class makes, by model type, from its source."""
    folder = package_folder("transformers")
    if folder is None:
        return {}
    path = folder / "models" / "auto" / "modeling_auto.py"
    wanted = f"MODEL_FOR_{table}_MAPPING_NAMES" if table else "MODEL_MAPPING_NAMES"
    for node in ast.parse(path.read_bytes()).body if path.is_file() else ():
        match node:
            case ast.Assign(
                targets=[ast.Name(id=name)], value=ast.Call(args=[ast.List(elts=pairs)])
            ):
                if name == wanted:
                    return dict(_pairs(pairs))
    return {}


def _pairs(pairs: list[ast.expr]) -> Iterator[tuple[str, str]]:
    for pair in pairs:
        match pair:
            case ast.Tuple(elts=[ast.Constant(value=str(key)), ast.Constant(value=str(name))]):
                yield key, name
