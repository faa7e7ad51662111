"""Which ids a model looks for where features go, and which modality a name speaks of."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping

from mmport.anatomy.classes import ModelClass, own_attribute
from mmport.anatomy.features.flow import Flow
from mmport.model.spec import Modality

_MODALITIES: tuple[tuple[Modality, tuple[str, ...]], ...] = (
    ("video", ("video", "second_per_grid")),
    ("audio", ("audio", "speech", "sound", "wav", "mel", "input_feature", "feature_att")),
)
"""How names of a modality are made; what is called otherwise is about images."""

_IDS = frozenset({"input_ids", "ids", "token_ids", "tokens"})
_DEPTH = 2
_BESIDE = re.compile(r"_(start|end|begin|bos|eos)_")
"""What is compared to find where a run of features begins or ends."""


def modality_of(names: Iterable[str]) -> Modality:
    """Tell the modality that names speak of."""
    told = tuple(names)
    for modality, marks in _MODALITIES:
        if any(mark in name for name in told for mark in marks):
            return modality
    return "image"


def compared_ids(model: ModelClass, flow: Flow) -> tuple[str, ...]:
    """Name the attributes of the config that ids are compared with, in the order of the source."""
    made = dict(model.attributes())
    constants = dict(_constants(model))
    found: dict[str, None] = {}
    for node in _reached(model, flow.statements, _DEPTH):
        match node:
            case ast.Compare(left=left, ops=[ast.Eq()], comparators=[right]) if _are_ids(left):
                if (path := _config_path(right, made, constants)) is not None:
                    found[path] = None
            case ast.Call(func=ast.Attribute(attr="eq", value=value), args=[right]):
                if _are_ids(value) and (path := _config_path(right, made, constants)) is not None:
                    found[path] = None
    return tuple(found)


def token_of(modality: Modality, compared: tuple[str, ...]) -> str:
    """Choose the attribute that is a modality's; empty where none is.

    A clip is frames: where no id is its own, they stand at those of images.
    """
    features = [path for path in compared if not _BESIDE.search(path)]
    of_modality = [path for path in features if modality_of([path]) == modality]
    named = [path for path in of_modality if modality in path]
    if not of_modality and modality == "video":
        return token_of("image", compared)
    return next(iter(named or of_modality), "")


def _reached(model: ModelClass, trees: Iterable[ast.AST], depth: int) -> Iterator[ast.AST]:
    """Give all nodes of some trees, and of the class's own methods that they call."""
    for tree in trees:
        for node in ast.walk(tree):
            yield node
            name = own_attribute(node.func) if isinstance(node, ast.Call) else None
            method = model.method(name) if name and depth else None
            if method is not None:
                yield from _reached(model, method.node.body, depth - 1)


def _constants(model: ModelClass) -> Iterator[tuple[str, str]]:
    """Give the module's own numbers, and those that it imports from another module of the repo."""
    tree = model.tree.module(model.module)
    for node in ast.walk(tree) if tree else ():
        if isinstance(node, ast.ImportFrom) and node.level:
            other = model.tree.module(model.tree.absolute(model.module, node))
            wanted = {alias.name: alias.asname or alias.name for alias in node.names}
            for name, number in _numbers(other) if other else ():
                if name in wanted:
                    yield wanted[name], number
    if tree:
        yield from _numbers(tree)


def _numbers(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=int(number))):
                yield name, str(number)


def _are_ids(node: ast.expr) -> bool:
    return any(
        isinstance(part, ast.Name) and (part.id in _IDS or part.id.endswith("_ids"))
        for part in ast.walk(node)
    )


def _config_path(
    node: ast.expr, made: Mapping[str, ast.expr], constants: Mapping[str, str]
) -> str | None:
    """Give `a.b` for `self.config.a.b`, or for an attribute that was made from `config.a.b`.

    A number is given as it is, and so is a constant of the module that is one.
    """
    text = ast.unparse(node)
    for start in ("self.config.", "config."):
        if text.startswith(start) and all(part.isidentifier() for part in text.split(".")):
            return text.removeprefix(start)
    name = own_attribute(node)
    if name is not None and name in made:
        return _config_path(made[name], {}, constants)
    match node:
        case ast.Constant(value=int(number)) if not isinstance(number, bool):
            return str(number)
        case ast.Name(id=constant):
            return constants.get(constant)
    return None
