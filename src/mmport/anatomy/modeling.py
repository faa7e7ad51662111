"""A VLM's modeling source, read: who computes features, from what, and where they go."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import partial

from mmport.anatomy.bindings import keys
from mmport.anatomy.classes import Method, ModelClass, find_class, own_attribute
from mmport.anatomy.construction import (
    Placed,
    constructing,
    imports_of,
    made,
    needed_attributes,
    source_of,
)
from mmport.anatomy.flow import (
    SWITCHES,
    Flow,
    HandedOn,
    Merge,
    read_flow,
    slice_before,
    uncast,
)
from mmport.anatomy.inline import method_text
from mmport.anatomy.tokens import compared_ids, modality_of, token_of
from mmport.core.errors import TRY_BACKEND, NotPortable
from mmport.core.source_tree import SourceTree
from mmport.model.spec import Anatomy, FeatureMethod, ImportedName, Modality

_POSITIONS = "get_rope_index"
_IDS = frozenset({"input_ids", "attention_mask"})


@dataclass(frozen=True, slots=True)
class _Owner:
    """A class that merges media with text, and where it is in the model.

    `flow` is of its `forward`, or of the method that it leaves this to; `fields`
    are the names in `forward` of what that method's parameters take.
    """

    path: str
    model: ModelClass
    flow: Flow
    fields: Mapping[str, str]
    language_model: str


def read_anatomy(tree: SourceTree, module: str, architecture: str) -> Anatomy:
    """Read how a model's class is put together.

    Args:
        tree: where the modules are found.
        module: the one that defines the class.
        architecture: the class's name.

    Raises:
        NotPortable: the source has no such class, or it does not scatter
            features that are computed from media alone over its text.
    """
    top = find_class(tree, module, architecture)
    if top is None:
        raise NotPortable(f"the source of {architecture} is not there", "name a complete repo")
    owner = _owner(top)
    methods, unread = _methods(owner)
    nodes = [_node(owner.model, method) for method in methods]
    positions = owner.model.method(_POSITIONS)
    nodes += [positions.node] if positions else []
    needed = needed_attributes(owner.model, nodes)
    language_model = _language_model(owner)
    if language_model in needed:
        raise NotPortable(
            f"{architecture} computes features by its own language model ({language_model})",
            TRY_BACKEND,
        )
    statements = constructing(owner.model, needed)
    return Anatomy(
        module=owner.model.module,
        owner=owner.model.name,
        path=owner.path,
        parts=made(one.node for one in statements),
        statements=tuple(source_of(tree, one.module, one.node) for one in statements),
        imports=_imports(tree, statements),
        methods=methods,
        unread=unread,
        language_model=".".join(filter(None, (owner.path, language_model))),
        position_inputs=_position_inputs(owner.model),
    )


def _imports(tree: SourceTree, statements: list[Placed]) -> tuple[ImportedName, ...]:
    found: dict[str, ImportedName] = {}
    for module in dict.fromkeys(one.module for one in statements):
        nodes = [one.node for one in statements if one.module == module]
        named = imports_of(tree, module, nodes, builtin=("self", "config", "super"))
        found |= {item.name: item for item in named}
    return tuple(found[name] for name in sorted(found))


def _owner(top: ModelClass) -> _Owner:
    """Find the class whose `forward` merges; the model within the model comes first."""
    found_last: _Owner | None = None
    for path, model in (*_inner(top), ("", top)):
        forward = model.method("forward")
        if forward is None:
            continue
        flow = read_flow(forward, partial(_is_module, model))
        found = flow if flow.merges else None
        fields = {name: name for name in flow.media}
        for handed in flow.handed_on if found is None else ():
            found, fields = _followed(model, handed, flow.media)
            if found is not None:
                break
        if found is not None:
            language_model = flow.language_model or found.language_model
            found_last = _Owner(path, model, found, fields, language_model)
            if language_model:
                return found_last
    if found_last is not None:
        return found_last
    raise NotPortable(
        f"the source of {top.name} does not merge features of media with its text "
        "in a way that can be read",
        TRY_BACKEND,
    )


def _inner(top: ModelClass) -> Iterator[tuple[str, ModelClass]]:
    for name, value in top.attributes():
        inner = top.built(value)
        if inner is not None and inner.method("forward"):
            yield name, inner


def _followed(
    model: ModelClass, handed: HandedOn, media: tuple[str, ...]
) -> tuple[Flow | None, dict[str, str]]:
    """Read the method that a `forward` hands its media on to, if they merge there."""
    method = model.method(handed.method)
    if method is None:
        return None, {}
    positional = zip((one.arg for one in method.parameters), handed.call.args, strict=False)
    named = ((keyword.arg, keyword.value) for keyword in handed.call.keywords if keyword.arg)
    given = {name: value.id for name, value in (*positional, *named) if isinstance(value, ast.Name)}
    fields = {name: field for name, field in given.items() if field in media}
    text = given.keys() - fields.keys()
    flow = read_flow(method, partial(_is_module, model), media=tuple(fields), text=text)
    return (flow if flow.merges else None), fields


def _is_module(model: ModelClass, name: str) -> bool:
    return model.method(name) is None and any(name == made for made, _ in model.attributes())


def _language_model(owner: _Owner) -> str:
    """Name the attribute that is called with the merged embeddings.

    Raises:
        NotPortable: the class's own layers are its language model.
    """
    if owner.flow.handed_beside:
        raise NotPortable(
            f"{owner.model.name} also hands its language model "
            f"{', '.join(owner.flow.handed_beside)}",
            TRY_BACKEND,
        )
    if not owner.language_model:
        raise NotPortable(
            f"{owner.model.name} has its language model's layers among its own", TRY_BACKEND
        )
    return owner.language_model


def _position_inputs(model: ModelClass) -> tuple[str, ...]:
    method = model.method(_POSITIONS)
    return tuple(one.arg for one in method.parameters if one.arg not in _IDS) if method else ()


def _methods(
    owner: _Owner,
) -> tuple[tuple[FeatureMethod, ...], tuple[tuple[Modality, str], ...]]:
    """Give the method of each modality, and why there is none of some.

    Raises:
        NotPortable: there is none of any.
    """
    by_modality: dict[Modality, list[FeatureMethod]] = {}
    for merge in owner.flow.merges:
        method = _method(owner, merge)
        known = by_modality.setdefault(method.modality, [])
        if method not in known:
            known.append(method)
    unread = tuple(
        (modality, _told(owner, modality, found))
        for modality, found in by_modality.items()
        if len(found) > 1
    )
    if len(unread) == len(by_modality):
        raise NotPortable(unread[0][1], TRY_BACKEND)
    compared = compared_ids(owner.model, owner.flow)
    methods = tuple(
        replace(found[0], token=token_of(modality, compared))
        for modality, found in by_modality.items()
        if len(found) == 1
    )
    return methods, unread


def _told(owner: _Owner, modality: Modality, found: list[FeatureMethod]) -> str:
    what = ", ".join(one.result or one.name for one in found)
    return (
        f"{owner.model.name} hands {modality} features to its language model "
        f"in more than one place ({what})"
    )


def _method(owner: _Owner, merge: Merge) -> FeatureMethod:
    statements = slice_before(owner.flow, merge)
    modality = modality_of(merge.media)
    expression = _folded(merge.expression, statements)
    result = ""
    call = uncast(expression) if expression is not None else None
    if isinstance(call, ast.Attribute):
        result, call = call.attr, uncast(call.value)
    name = own_attribute(call.func) if isinstance(call, ast.Call) else None
    method = owner.model.method(name) if name else None
    if isinstance(call, ast.Call) and name and method and _passes_media(call, owner):
        return FeatureMethod(modality, name, _inputs(call, method, merge.media, owner), result)
    return _inline(owner, merge, statements, modality)


def _passes_media(call: ast.Call, owner: _Owner) -> bool:
    """Tell whether a call hands on what `forward` is given, and nothing that it makes up."""
    given = {one.arg for one in owner.flow.method.parameters}
    values = [*call.args, *(one.value for one in call.keywords if one.arg not in (None, *SWITCHES))]
    return all(isinstance(value, ast.Name) and value.id in given for value in values)


def _folded(expression: ast.expr, statements: list[ast.stmt]) -> ast.expr | None:
    """Put what variables stand for in their place; None where more than assignments are made."""
    values: dict[str, ast.expr] = {}
    for statement in statements:
        match statement:
            case (
                ast.Assign(targets=[target], value=value)
                | ast.AnnAssign(target=target, value=ast.expr() as value)
            ):
                found = [
                    key
                    for key in keys(target)
                    if key != _root(target) or key == ast.unparse(target)
                ]
                if len(found) != 1:
                    return None
                values[found[0]] = _Folder(values).visit(deepcopy(value))
            case _:
                return None
    folded = _Folder(values).visit(deepcopy(expression))
    return folded if isinstance(folded, ast.expr) else None


def _root(node: ast.expr) -> str:
    return next((part.id for part in ast.walk(node) if isinstance(part, ast.Name)), "")


class _Folder(ast.NodeTransformer):
    def __init__(self, values: dict[str, ast.expr]) -> None:
        self._values = values

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """Put a variable's value in its place."""
        return self._values.get(node.id, node)

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        """Put the value of an entry in its place."""
        found = [self._values[key] for key in keys(node) if key in self._values and "[" in key]
        return found[0] if found else self.generic_visit(node)


def _inputs(
    call: ast.Call, method: Method, media: frozenset[str], owner: _Owner
) -> tuple[tuple[str, str], ...]:
    """Pair the method's parameters with the fields of the processor that they are given."""
    positional = zip((one.arg for one in method.parameters), call.args, strict=False)
    named = ((keyword.arg, keyword.value) for keyword in call.keywords if keyword.arg)
    pairs = []
    for parameter, value in (*positional, *named):
        fields = [key for key in keys(value) if key in media]
        if len(fields) == 1:
            pairs.append((parameter, owner.fields[fields[0]]))
    return tuple(pairs)


def _inline(
    owner: _Owner, merge: Merge, statements: list[ast.stmt], modality: Modality
) -> FeatureMethod:
    """Write what `forward` does inline as a method."""
    inputs = [name for name in owner.flow.media if name in merge.media]
    others = {one.arg for one in owner.flow.method.parameters} - set(inputs)
    name = f"embed_{modality}" if modality == "audio" else f"embed_{modality}s"
    return FeatureMethod(
        modality,
        name,
        tuple((one, owner.fields[one]) for one in inputs),
        source=method_text(name, inputs, others, statements, merge.expression),
    )


def _node(model: ModelClass, method: FeatureMethod) -> ast.AST:
    if method.source:
        return ast.parse(method.source)
    found = model.method(method.name)
    if found is None:
        raise NotPortable(f"{model.name} has no method {method.name}", TRY_BACKEND)
    return found.node
