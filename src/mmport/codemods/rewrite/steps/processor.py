"""Classes that process items stand above the model, and it is registered with them."""

from __future__ import annotations

from collections.abc import Iterable

import libcst as cst

from mmport.codemods.classes import STATEMENTS, apart, find_class, names_in, replace_class
from mmport.codemods.imports import dotted, imported_names, with_imports
from mmport.codemods.lists import with_item
from mmport.codemods.outcome import Changed, Failed, Outcome, Unchanged
from mmport.codemods.rewrite.graft import Graft, defined
from mmport.codemods.rewrite.step import Rewriting, Step


def registrations(node: cst.ClassDef) -> set[str]:
    """Name the functions of vLLM's registries that decorate a class (`register_processor`)."""
    names = {
        dotted(one.decorator.func if isinstance(one.decorator, cst.Call) else one.decorator)
        for one in node.decorators
    }
    return {name.rpartition(".")[2] for name in names if "_REGISTRY." in name}


def _apply(module: cst.Module, rewriting: Rewriting) -> Outcome:
    graft = rewriting.graft
    node = find_class(module, rewriting.class_name)
    lacking = [
        _with_mapper(one, rewriting.mapper)
        for one in graft.decorators
        if isinstance(one.decorator, cst.Call)
        and dotted(one.decorator.func).rpartition(".")[2] not in registrations(node)
    ]
    if clash := _clash(module, graft):
        return Failed(
            f"the file has a {clash} of its own, and other code is to have that name",
            "give yours another name",
        )
    known = {defined(one) for one in module.body if isinstance(one, STATEMENTS)}
    known |= set(imported_names(module))
    # The user's own mapper takes the place of the port's.
    wanted = _mentioned([module, *lacking, *graft.helpers], graft.helper_names())
    unused = _mappers(graft.decorators) if rewriting.mapper else set()
    helpers = [one for one in graft.helpers if defined(one) in wanted - known - unused]
    own = [_with_mapper(one, rewriting.mapper) for one in node.decorators]
    as_it_is = all(one.deep_equals(old) for one, old in zip(own, node.decorators, strict=True))
    if not lacking and not helpers and as_it_is:
        return Unchanged()
    leading = node.leading_lines
    decorated = node.with_changes(decorators=[*lacking, *own], leading_lines=leading)
    module = replace_class(module, decorated)
    place = next(i for i, one in enumerate(module.body) if one is decorated)
    body = [*module.body[:place], *(apart(one, 2) for one in helpers), *module.body[place:]]
    module = with_imports(module.with_changes(body=body), graft.imports_of([*helpers, *lacking]))
    return Changed(module, "the class is registered with what processes its items")


_MAPPERS = ("register_image_input_mapper", "register_input_mapper")


def _with_mapper(decorator: cst.Decorator, mapper: str) -> cst.Decorator:
    """Have a mapper of the user's registered in place of vLLM's."""
    call = decorator.decorator
    if not mapper or not isinstance(call, cst.Call):
        return decorator
    if dotted(call.func).rpartition(".")[2] not in _MAPPERS:
        return decorator
    # A modality's key, where one is named, comes first.
    keys = [arg for arg in call.args if isinstance(arg.value, cst.SimpleString)]
    args = with_item(keys, len(keys), cst.Arg(cst.parse_expression(mapper)))
    return decorator.with_changes(decorator=call.with_changes(args=args))


def _mentioned(nodes: Iterable[cst.CSTNode], names: list[str]) -> set[str]:
    return names_in(nodes) & set(names)


def _mappers(decorators: Iterable[cst.Decorator]) -> set[str]:
    """Name the functions that a port registers as mappers."""
    found = set[str]()
    for one in decorators:
        call = one.decorator
        if isinstance(call, cst.Call) and dotted(call.func).rpartition(".")[2] in _MAPPERS:
            found |= {dotted(arg.value) for arg in call.args}
    return found


def _clash(module: cst.Module, graft: Graft) -> str:
    """Name a function of the file that another one of the graft would be taken for."""
    own = {one.name.value: one for one in module.body if isinstance(one, cst.FunctionDef)}
    ours = (one for one in graft.helpers if isinstance(one, cst.FunctionDef))
    pairs = ((one, own[one.name.value]) for one in ours if one.name.value in own)
    return next((one.name.value for one, known in pairs if _takes(one) != _takes(known)), "")


def _takes(function: cst.FunctionDef) -> list[str]:
    return [one.name.value for one in function.params.params]


STEP = Step(
    id="processor",
    summary="The class is registered with what processes its items",
    since="0.7.0",
    reference="MULTIMODAL_REGISTRY.register_processor",
    risk="low",
    apply=_apply,
)
