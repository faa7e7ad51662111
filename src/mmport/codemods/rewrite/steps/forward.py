"""`forward` takes what an engine hands every multimodal class, and embeddings in place of ids."""

from __future__ import annotations

import libcst as cst

from mmport.codemods.classes import find_class, method, replace_class, with_method
from mmport.codemods.lists import LINE_LENGTH, one_a_line, with_item
from mmport.codemods.outcome import Changed, Failed, Outcome, Skipped, Unchanged
from mmport.codemods.rewrite.step import Rewriting, Step

_EMBEDS = "inputs_embeds"


def _apply(module: cst.Module, rewriting: Rewriting) -> Outcome:
    node = find_class(module, rewriting.class_name)
    forward = method(node, "forward")
    if forward is None:
        return Skipped("the class inherits its forward, and the engine hands it nothing more")
    params = forward.params
    names = {one.name.value for one in (*params.params, *params.kwonly_params)}
    takes_all = params.star_kwarg is not None
    if _EMBEDS not in names and not takes_all:
        return Failed(
            f"its forward takes no {_EMBEDS}",
            f"hand {_EMBEDS} on to the decoder, which has to take them in place of ids",
        )
    if takes_all:
        return Unchanged()
    changed = with_method(node, forward, _with_kwargs(forward, module))
    return Changed(replace_class(module, changed), "forward takes further keywords")


def _with_kwargs(forward: cst.FunctionDef, module: cst.Module) -> cst.FunctionDef:
    annotated = any(one.annotation is not None for one in forward.params.params[1:])
    annotation = cst.Annotation(cst.Name("object")) if annotated else None
    return with_parameter(forward, cst.Param(cst.Name("kwargs"), annotation, star="**"), module)


def with_parameter(
    function: cst.FunctionDef, added: cst.Param, module: cst.Module
) -> cst.FunctionDef:
    """Add `**kwargs` behind all parameters, laid out as they are."""
    group = "kwonly_params" if function.params.kwonly_params else "params"
    known = getattr(function.params, group)
    *others, star = with_item(known, len(known), added)
    params = function.params.with_changes(**{group: others, "star_kwarg": star})
    wider = function.with_changes(params=params)
    head = wider.with_changes(body=cst.SimpleStatementSuite([cst.Pass()]), leading_lines=())
    line = module.code_for_node(head.with_changes(decorators=())).removesuffix(" pass\n")
    fits = len(line) + len(module.default_indent) <= LINE_LENGTH
    return wider if "\n" in line or fits else _one_a_line(wider, module.default_indent)


def _one_a_line(function: cst.FunctionDef, indent: str) -> cst.FunctionDef:
    params = function.params
    assert params.star_kwarg is not None  # noqa: S101 - just added
    every = [*params.params, *params.kwonly_params, params.star_kwarg]
    broken, every = one_a_line(every, indent, within=True)
    plain, star = len(params.params), params.star_arg
    if isinstance(star, cst.ParamStar):
        star = star.with_changes(comma=cst.Comma(whitespace_after=broken))
    changed = params.with_changes(
        params=every[:plain], star_arg=star, kwonly_params=every[plain:-1], star_kwarg=every[-1]
    )
    return function.with_changes(params=changed, whitespace_before_params=broken)


STEP = Step(
    id="forward",
    summary="`forward` takes further keywords",
    since="0.8.5",
    reference="vllm.model_executor.models.interfaces_base",
    risk="none",
    apply=_apply,
)
