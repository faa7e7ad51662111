"""A module that holds both the decoder and what makes features, taken apart.

In one lineage of models the language model is the class itself: a decoder of
transformers, subclassed, with a tower and a projector hung into it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from functools import partial

from mmport.anatomy.classes import ModelClass, own_attribute, own_attributes
from mmport.anatomy.features.construction import (
    Placed,
    constructing,
    made,
    needed_attributes,
)
from mmport.anatomy.features.flow import read_flow
from mmport.core.errors import TRY_BACKEND, NotPortable
from mmport.model.spec import ImportedName, NestedModel

_LIBRARY = "transformers."


@dataclass(frozen=True, slots=True)
class Within:
    """What features need of an attribute of the owner that holds the decoder too.

    `methods` are those of its class that are called, `statements` make what
    they need; `decoder` is where the decoder is in it, empty if it is one.
    """

    attribute: str
    model: ModelClass
    methods: tuple[str, ...]
    statements: tuple[Placed, ...]
    decoder: str

    @property
    def parts(self) -> tuple[str, ...]:
        """The attributes that the statements make, as the owner has them."""
        return tuple(f"{self.attribute}.{name}" for name in made(s.node for s in self.statements))

    @property
    def decoder_path(self) -> str:
        """Where the decoder is, as the owner has it."""
        return f"{self.attribute}.{self.decoder}".removesuffix(".")

    def imports(self) -> tuple[ImportedName, ...]:
        """Name the attribute's class, which is subclassed."""
        return (ImportedName(self.model.name, self.model.module),)

    def told(self) -> NestedModel:
        """Say the same in values."""
        tree = self.model.tree
        return NestedModel(
            attribute=self.attribute,
            module=self.model.module,
            owner=self.model.name,
            methods=self.methods,
            statements=tuple(one.text(tree) for one in self.statements),
        )


def is_module(model: ModelClass, name: str) -> bool:
    """Tell whether a class has a module of a name, and no method."""
    return model.method(name) is None and any(name == one for one, _ in model.attributes())


def inherited_decoder(model: ModelClass) -> str | None:
    """Name the attribute that is the decoder of a class whose base is a language model.

    Returns:
        Empty where the base is a decoder itself; None where it is no language model.
    """
    forwards = [one for one in model.every("forward") if one.module.startswith(_LIBRARY)]
    if not forwards:
        return None
    flow = read_flow(forwards[0], partial(is_module, model), media=())
    if flow.language_model:
        return flow.language_model
    return "" if "layers" in inherited_attributes(model) else None


def inherited_attributes(model: ModelClass) -> frozenset[str]:
    """Name what the constructors of transformers' own classes make of a model."""
    return frozenset(
        name
        for init in model.every("__init__")
        if init.module.startswith(_LIBRARY)
        for node in ast.walk(init.node)
        for target in (node.targets if isinstance(node, ast.Assign) else ())
        if (name := own_attribute(target)) is not None
    )


def taken_apart(owner: ModelClass, attribute: str, nodes: Iterable[ast.AST]) -> Within:
    """Find what methods need of an attribute that holds the decoder.

    Args:
        owner: the class of the methods.
        attribute: the one that holds the decoder.
        nodes: the methods.

    Raises:
        NotPortable: they use it as a whole, or the decoder in it, or its class is not known.
    """
    refusal = NotPortable(
        f"{owner.name} computes features by its own language model ({attribute})", TRY_BACKEND
    )
    model = next(
        (
            built
            for name, value in owner.attributes()
            if name == attribute and (built := owner.built(value)) is not None
        ),
        None,
    )
    uses = _Uses(owner, attribute)
    for node in nodes:
        uses.follow(node)
    if model is None or uses.whole:
        raise refusal
    methods = tuple(sorted(name for name in uses.names if model.method(name)))
    called = [found.node for name in methods if (found := model.method(name))]
    plain = [ast.Attribute(ast.Name("self"), name) for name in uses.names - {*methods}]
    needed = needed_attributes(model, [*called, *plain])
    decoder = _called_within(owner, attribute) or _handed_on(model)
    refuse_decoders_own(model, needed, f"{attribute}.")
    if decoder in needed or (not decoder and "layers" not in inherited_attributes(model)):
        raise refusal
    statements = tuple(constructing(model, needed, configs_of(model, decoder)))
    there = {*made(one.node for one in statements), *_settings(model)}
    if not needed <= there:
        raise refusal
    return Within(attribute, model, methods, statements, decoder)


def configs_of(model: ModelClass, attribute: str) -> dict[str, ast.expr]:
    """Map a module's name to the config that it is made from; nothing where that is unclear."""
    given = {
        ast.unparse(config): config
        for name, value in model.attributes()
        if name == attribute
        for config in _configs(value)
    }
    return dict.fromkeys([attribute], *given.values()) if len(given) == 1 else {}


def helpers_without_form_of(
    owner: ModelClass, nodes: Iterable[ast.AST], attribute: str
) -> dict[str, str]:
    """Write the methods anew that some methods call and that ask a module for its form."""
    waiting, found, seen = list(nodes), dict[str, str](), set[str]()
    while waiting:
        for name in own_attributes(waiting.pop()) - seen:
            seen.add(name)
            if (method := owner.method(name)) is not None:
                waiting.append(method.node)
                if text := without_form_of(method.node, attribute):
                    found[name] = text
    return found


def without_form_of(node: ast.AST, attribute: str) -> str | None:
    """Write a method that asks a module for no more than its dtype or device with its own.

    Returns:
        None where there is nothing of the kind in it, or it is no plain function.
    """
    if not isinstance(node, ast.FunctionDef):
        return None
    written = _OwnForm(attribute).visit(deepcopy(node))
    written.decorator_list, written.returns = [], None
    for one in ast.walk(written.args):
        if isinstance(one, ast.arg):
            one.annotation = None
    text = ast.unparse(written)
    return text if f"self.{attribute}." in ast.unparse(node) else None


class _OwnForm(ast.NodeTransformer):
    def __init__(self, attribute: str) -> None:
        self._attribute = attribute

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        """Take the dtype and device of the encoder, which are the same."""
        if node.attr in ("dtype", "device") and own_attribute(node.value) == self._attribute:
            return ast.Attribute(ast.Name("self", ast.Load()), node.attr, ast.Load())
        return self.generic_visit(node)


def _configs(value: ast.expr) -> Iterator[ast.expr]:
    if isinstance(value, ast.Call):
        for argument in (*value.args, *(one.value for one in value.keywords)):
            if ast.unparse(argument).removeprefix("self.").partition(".")[0] == "config":
                yield argument


def _settings(model: ModelClass) -> Iterator[str]:
    """Name what the bodies of a model's classes set."""
    for node in (part for item in model.lineage for part in item.node.body):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                yield name


def refuse_decoders_own(model: ModelClass, needed: Iterable[str], path: str = "") -> None:
    """Refuse features that are computed by what a decoder is made of.

    Raises:
        NotPortable: one of what is needed is made by transformers' own class.
    """
    if used := sorted({*needed} & inherited_attributes(model)):
        raise NotPortable(
            f"{model.name} computes features by its own language model ({path}{used[0]})",
            TRY_BACKEND,
        )


def _called_within(owner: ModelClass, attribute: str) -> str:
    """Name the attribute of an attribute that is called with embeddings: `self.a.b(…)`."""
    forward = owner.method("forward")
    for node in ast.walk(forward.node) if forward else ():
        if isinstance(node, ast.Call) and any(one.arg == "inputs_embeds" for one in node.keywords):
            path = ast.unparse(node.func).split(".")
            if path[:2] == ["self", attribute] and len(path) > 2:
                return path[2]
    return ""


def _handed_on(model: ModelClass) -> str:
    """Name the attribute that a module's own `forward` hands embeddings on to."""
    forward = model.method("forward")
    if forward is None or forward.module.startswith(_LIBRARY):
        return ""
    found = read_flow(forward, partial(is_module, model), media=()).language_model
    return found if found.isidentifier() else ""


class _Uses:
    """What methods of a class use of one of its attributes, by name or as a whole."""

    def __init__(self, owner: ModelClass, attribute: str) -> None:
        self.names: set[str] = set()
        self.whole = False
        self._owner = owner
        self._attribute = attribute
        self._seen: set[str] = set()

    def follow(self, node: ast.AST) -> None:
        """Take in a method, and the methods of the class that it calls."""
        aliases = {
            target.id
            for part in ast.walk(node)
            if isinstance(part, ast.Assign) and self._is_it(part.value, set())
            for target in part.targets
            if isinstance(target, ast.Name)
        }
        for part in ast.walk(node):
            for child in ast.iter_child_nodes(part):
                if self._is_it(child, aliases):
                    self._use(part)
            name = own_attribute(part)
            method = self._owner.method(name) if name and not self._gives(name) else None
            if name and method and name not in self._seen:
                self._seen.add(name)
                self.follow(method.node)

    def _use(self, around: ast.AST) -> None:
        match around:
            case ast.Attribute(attr=name):
                self.names.add(name)
            case ast.Call(func=ast.Name(id="getattr" | "hasattr"), args=[_, one, *_]) if isinstance(
                one, ast.Constant
            ) and isinstance(one.value, str):
                self.names.add(one.value)
            case ast.Assign(targets=[ast.Name()]):
                pass  # another name for it
            case _:
                self.whole = True

    def _is_it(self, node: ast.AST, aliases: set[str]) -> bool:
        match node:
            case ast.Name(id=name, ctx=ast.Load()):
                return name in aliases
            case ast.Call(func=func, args=[], keywords=[]):
                name_of = own_attribute(func)
                return name_of is not None and self._gives(name_of)
        return own_attribute(node) == self._attribute

    def _gives(self, name: str) -> bool:
        """Tell whether a method does nothing but give the attribute."""
        method = self._owner.method(name)
        returned = list(_returned(method.node)) if method else []
        return returned == [f"self.{self._attribute}"]


def _returned(function: ast.FunctionDef) -> Iterator[str]:
    for node in ast.walk(function):
        if isinstance(node, ast.Return):
            yield ast.unparse(node.value) if node.value else ""
