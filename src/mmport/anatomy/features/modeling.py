"""A VLM's modeling source, read: who computes features, from what, and where they go."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from mmport.anatomy.classes import Method, ModelClass, find_class, own_attribute
from mmport.anatomy.features.bindings import keys
from mmport.anatomy.features.casts import uncast
from mmport.anatomy.features.construction import (
    Placed,
    constructing,
    imports_of,
    made,
    needed_attributes,
)
from mmport.anatomy.features.deepstack import embedded_merges, read_deepstack
from mmport.anatomy.features.flow import (
    BASE,
    SWITCHES,
    Flow,
    HandedOn,
    Merge,
    read_flow,
    slice_before,
)
from mmport.anatomy.features.folding import folded
from mmport.anatomy.features.inline import free_names, method_text
from mmport.anatomy.features.packing import takes_first_row
from mmport.anatomy.features.positions import (
    POSITIONS,
    first_position,
    position_inputs,
    position_values,
)
from mmport.anatomy.features.text_ids import text_ids
from mmport.anatomy.features.tokens import compared_ids, modality_of, token_of
from mmport.anatomy.features.within import (
    configs_of,
    helpers_without_form_of,
    inherited_decoder,
    is_module,
    refuse_decoders_own,
    taken_apart,
    without_form_of,
)
from mmport.anatomy.parameters import arguments_of
from mmport.anatomy.refusals import exact_refusal
from mmport.core.errors import TRY_BACKEND, NotPortable
from mmport.core.source_tree import SourceTree
from mmport.model.spec import Anatomy, Deepstack, FeatureMethod, ImportedName, Modality


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


def read_anatomy(
    tree: SourceTree, module: str, architecture: str, config: Mapping[str, Any] | None = None
) -> Anatomy:
    """Read how a model's class is put together.

    Args:
        tree: where the modules are found.
        module: the one that defines the class.
        architecture: the class's name.
        config: its values, defaults filled in, where it matters what they choose.

    Raises:
        NotPortable: the source has no such class, or it does not scatter
            features that are computed from media alone over its text.
    """
    top = find_class(tree, module, architecture)
    if top is None:
        raise NotPortable(f"the source of {architecture} is not there", "name a complete repo")
    try:
        return _read(tree, top, config or {})
    except NotPortable as error:
        raise exact_refusal(top, config or {}) or error from None


def _read(tree: SourceTree, top: ModelClass, config: Mapping[str, Any]) -> Anatomy:
    owner = _owner(top)
    language_model = _language_model(owner)
    deepstack = _deepstack(owner, config)
    methods, unread = _methods(owner)
    methods = tuple(_on_its_own(owner.model, one, language_model) for one in methods)
    taken = {field for method in methods for _, field in method.inputs}
    nodes = [_node(owner.model, method) for method in methods]
    positions = owner.model.method(POSITIONS)
    nodes += [positions.node] if positions else []
    embedded = text_ids(owner.flow.method.node)
    nodes += [ast.parse(embedded)] if embedded else []
    helpers = helpers_without_form_of(owner.model, nodes, language_model)
    needed = needed_attributes(owner.model, nodes, helpers)
    within = None
    if language_model in needed:
        within = taken_apart(owner.model, language_model, nodes)
        needed.discard(language_model)
        language_model = within.decoder_path
    if owner.language_model == BASE:
        refuse_decoders_own(owner.model, needed)
    statements = constructing(owner.model, needed, configs_of(owner.model, language_model))
    if language_model in made(one.node for one in statements):
        raise NotPortable(
            f"{top.name} takes sizes of its encoder from its language model itself",
            TRY_BACKEND,
        )
    inside = within.statements if within else ()
    return Anatomy(
        module=owner.model.module,
        owner=owner.model.name,
        path=owner.path,
        parts=(
            *made(one.node for one in statements),
            *(within.parts if within else ()),
        ),
        statements=tuple(one.text(tree) for one in statements),
        imports=_imports(tree, [*statements, *inside], owner, methods, helpers)
        + (within.imports() if within else ()),
        methods=methods,
        unread=unread,
        language_model=".".join(filter(None, (owner.path, language_model))),
        within=within.told() if within else None,
        helpers=tuple(helpers.items()),
        position_inputs=position_inputs(owner.model),
        first_position=first_position(owner.flow.method),
        position_values=position_values(owner.model, owner.flow, owner.fields, taken),
        text_ids=embedded,
        deepstack=deepstack,
    )


def _imports(
    tree: SourceTree,
    statements: list[Placed],
    owner: _Owner,
    methods: tuple[FeatureMethod, ...],
    helpers: Mapping[str, str],
) -> tuple[ImportedName, ...]:
    """Find where the names come from that a port's own text uses."""
    found: dict[str, ImportedName] = {}
    for method in methods:
        found |= {item.name: item for item in _of_module(owner, free_names(method.source))}
    for text in helpers.values():
        names = [ast.Name(name) for name in free_names(text)]
        found |= {one.name: one for one in imports_of(tree, owner.model.module, names)}
    for module in dict.fromkeys(one.module for one in statements):
        nodes = [one.node for one in statements if one.module == module]
        named = imports_of(tree, module, nodes, builtin=("self", "config", "super"))
        found |= {item.name: item for item in named}
    return tuple(found[name] for name in sorted(found))


def _of_module(owner: _Owner, names: Iterable[str]) -> tuple[ImportedName, ...]:
    """Find what names mean in the module whose `forward` merges; others are left out."""
    method = owner.flow.method
    return imports_of(owner.model.tree, method.module, [ast.Name(name) for name in names])


def _owner(top: ModelClass) -> _Owner:
    """Find the class whose `forward` merges; the model within the model comes first."""
    found_last: _Owner | None = None
    for path, model in (*_inner(top), ("", top)):
        forward = model.method("forward")
        if forward is None:
            continue
        flow = read_flow(forward, partial(is_module, model))
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
    raise _unread(top)


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
    handed_to = arguments_of(handed.call, (one.arg for one in method.parameters))
    given = {name: value.id for name, value in handed_to.items() if isinstance(value, ast.Name)}
    fields = {name: field for name, field in given.items() if field in media}
    text = given.keys() - fields.keys()
    flow = read_flow(method, partial(is_module, model), media=tuple(fields), text=text)
    return (flow if flow.merges else None), fields


def _language_model(owner: _Owner) -> str:
    """Name the attribute that is called with the merged embeddings.

    Raises:
        NotPortable: the class's own layers are its language model.
    """
    found: str | None = owner.language_model or None
    if found == BASE:
        found = inherited_decoder(owner.model)
    if found is None or (found == "" and not owner.path):
        if not is_module(owner.model, "layers"):
            raise _unread(owner.model)
        raise NotPortable(
            f"{owner.model.name} has its language model's layers among its own", TRY_BACKEND
        )
    return found


def _deepstack(owner: _Owner, config: Mapping[str, Any]) -> Deepstack | None:
    """Read what the language model is handed beside embeddings.

    Raises:
        NotPortable: it is no features that its layers take in.
    """
    beside = owner.flow.handed_beside
    if not beside:
        return None
    found = read_deepstack(owner.model, owner.flow, owner.language_model, config)
    if found is None:
        raise NotPortable(
            f"{owner.model.name} also hands its language model {', '.join(beside)}; a port would "
            "need a text class of vLLM that takes such a thing beside the embeddings",
            TRY_BACKEND,
        )
    return found


def _unread(model: ModelClass) -> NotPortable:
    return NotPortable(
        f"the source of {model.name} does not merge features of media with its text "
        "in a way that can be read: a port is made where `forward` puts them at placeholders "
        "among the embeddings (masked_scatter, where, an index), and calls a language model "
        "with these",
        TRY_BACKEND,
    )


def _methods(
    owner: _Owner,
) -> tuple[tuple[FeatureMethod, ...], tuple[tuple[Modality, str], ...]]:
    """Give the method of each modality, and why there is none of some.

    Raises:
        NotPortable: there is none of any.
    """
    by_modality: dict[Modality, list[FeatureMethod]] = {}
    merges = embedded_merges(owner.flow) if owner.flow.handed_beside else owner.flow.merges
    for merge in merges:
        method = _method(owner, merge)
        known = by_modality.setdefault(method.modality, [])
        if method not in known:
            known.append(method)
    unread = tuple(
        (modality, told)
        for modality, found in by_modality.items()
        if (told := _told(owner, modality, found))
    )
    if len(unread) == len(by_modality):
        raise NotPortable(unread[0][1], TRY_BACKEND)
    compared = compared_ids(owner.model, owner.flow)
    methods = tuple(
        replace(found[0], token=token_of(modality, compared))
        for modality, found in by_modality.items()
        if modality not in dict(unread)
    )
    return methods, unread


def _told(owner: _Owner, modality: Modality, found: list[FeatureMethod]) -> str:
    """Say why there is no method of a modality; empty if there is one."""
    if len(found) > 1:
        what = ", ".join(one.result or one.name for one in found)
        return (
            f"{owner.model.name} hands {modality} features to its language model "
            f"in more than one place ({what})"
        )
    free = free_names(found[0].source)
    lost = sorted(free - {one.name for one in _of_module(owner, free)})
    if not lost:
        return ""
    return (
        f"{owner.model.name} computes {modality} features from {', '.join(lost)}, "
        f"which only its {owner.flow.method.node.name} has"
    )


def _method(owner: _Owner, merge: Merge) -> FeatureMethod:
    statements = slice_before(owner.flow, merge)
    modality = modality_of(merge.media)
    expression = folded(merge.expression, statements)
    result = ""
    call = uncast(expression) if expression is not None else None
    if isinstance(call, ast.Attribute):
        result, call = call.attr, uncast(call.value)
    name = own_attribute(call.func) if isinstance(call, ast.Call) else None
    method = owner.model.method(name) if name else None
    if isinstance(call, ast.Call) and name and method and _passes_media(call, owner):
        inputs = _inputs(call, method, merge.media, owner)
        packed = takes_first_row(method.node, {parameter for parameter, _ in inputs})
        return FeatureMethod(modality, name, inputs, result, packed=packed)
    return _inline(owner, merge, statements, modality)


def _passes_media(call: ast.Call, owner: _Owner) -> bool:
    """Tell whether a call hands on what `forward` is given, and nothing that it makes up."""
    given = {one.arg for one in owner.flow.method.parameters}
    values = [*call.args, *(one.value for one in call.keywords if one.arg not in (None, *SWITCHES))]
    return all(isinstance(value, ast.Name) and value.id in given for value in values)


def _inputs(
    call: ast.Call, method: Method, media: frozenset[str], owner: _Owner
) -> tuple[tuple[str, str], ...]:
    """Pair the method's parameters with the fields of the processor that they are given."""
    pairs = []
    for parameter, value in arguments_of(call, (one.arg for one in method.parameters)).items():
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
    source = method_text(name, inputs, others, statements, merge.expression)
    return FeatureMethod(
        modality,
        name,
        tuple((one, owner.fields[one]) for one in inputs),
        source=source,
        packed=takes_first_row(ast.parse(source), inputs),
    )


def _on_its_own(model: ModelClass, method: FeatureMethod, language_model: str) -> FeatureMethod:
    """Write a method anew that asks the language model for a dtype or a device."""
    text = without_form_of(_node(model, method), language_model)
    return replace(method, source=text) if text else method


def _node(model: ModelClass, method: FeatureMethod) -> ast.AST:
    if method.source:
        return ast.parse(method.source).body[0]
    found = model.method(method.name)
    if found is None:
        raise NotPortable(f"{model.name} has no method {method.name}", TRY_BACKEND)
    return found.node
