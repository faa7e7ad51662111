"""`forward` takes the tensors of items as keywords, and merges their features with the text.

Of the first multimodal API, whose engines hand a model's `forward` what its mapper made.
"""

from __future__ import annotations

import libcst as cst

from mmport.codemods.classes import (
    Statement,
    apart,
    assigned,
    calls,
    find_class,
    is_docstring,
    method,
    names_in,
    parameter_names,
    replace_class,
    statements,
    with_method,
    with_statements,
)
from mmport.codemods.imports import Imported, dotted, with_imports
from mmport.codemods.lists import LINE_LENGTH, fitting_call, optional, with_argument, with_item
from mmport.codemods.outcome import Changed, Failed, Outcome, Unchanged
from mmport.codemods.rewrite.step import Rewriting, Step
from mmport.codemods.rewrite.steps.decoder import EMBEDS, decoder_class, decoder_of
from mmport.codemods.rewrite.steps.forward import with_parameter

_TENSOR = "Optional[torch.Tensor]"
_TENSORS = "Optional[Union[torch.Tensor, List[torch.Tensor]]]"
_TYPING = tuple(Imported("typing", name, name) for name in ("List", "Optional", "Union"))
_TORCH = Imported("torch", "", "torch")


def _apply(module: cst.Module, rewriting: Rewriting) -> Outcome:
    node = find_class(module, rewriting.class_name)
    forward, donor = method(node, "forward"), rewriting.graft.methods["forward"]
    tensors = tensors_of(rewriting)
    if forward is None:
        return _with_own(module, node, donor, tensors, rewriting)
    names = parameter_names(forward)
    if set(tensors) <= names:
        return Unchanged()
    if _calls_features(forward, rewriting):
        return _completed(module, node, forward, [one for one in tensors if one not in names])
    decoder = decoder_of(node)
    problem = _problem(module, node, decoder)
    if problem is not None:
        return problem
    merged = [_with_keywords(one, tensors, module.default_indent) for one in _merging(donor, names)]
    # Where the era's engines hand embeddings on, they come before the tensors.
    embeds = [EMBEDS] if EMBEDS in parameter_names(donor) else []
    lacking = [one for one in (*embeds, *tensors) if one not in names]
    changed = _with_tensors(forward, lacking, module)
    body = statements(changed)
    begin = 1 if body and is_docstring(body[0]) else 0
    rest = [_told(one, decoder, module.default_indent) for one in body[begin:]]
    rest[:1] = [apart(one) for one in rest[:1]]
    changed = with_statements(changed, [*body[:begin], *merged, *rest])
    module = replace_class(module, with_method(node, forward, changed))
    wanted = rewriting.graft.imports_of([*merged, donor])
    wanted = [one for one in wanted if one.bound in names_in([changed])]
    return Changed(
        with_imports(module, [*wanted, *_TYPING, _TORCH]),
        f"forward takes {', '.join(tensors)} and merges their features",
    )


def _completed(
    module: cst.Module, node: cst.ClassDef, forward: cst.FunctionDef, lacking: list[str]
) -> Outcome:
    """Add what a forward that merges already names and does not take."""
    used = [one for one in lacking if one in names_in([forward])]
    if not used:
        return Unchanged()
    changed = with_method(node, forward, _with_tensors(forward, used, module))
    imports = [*_TYPING, _TORCH]
    return Changed(
        with_imports(replace_class(module, changed), imports), f"forward takes {', '.join(used)}"
    )


def _with_own(
    module: cst.Module,
    node: cst.ClassDef,
    donor: cst.FunctionDef,
    tensors: list[str],
    rewriting: Rewriting,
) -> Outcome:
    """Give a class that inherits its forward the port's, which calls the decoder likewise."""
    body = [_with_keywords(one, tensors, module.default_indent) for one in statements(donor)]
    made = with_statements(_with_tensors(donor, tensors, module), body)
    node = with_statements(node, [*statements(node), apart(made)])
    wanted = [*rewriting.graft.imports_of([made]), *_TYPING, _TORCH]
    return Changed(
        with_imports(replace_class(module, node), wanted),
        f"a forward of its own takes {', '.join(tensors)} and merges their features",
    )


def tensors_of(rewriting: Rewriting) -> list[str]:
    """Name the tensors that the port's `forward` takes out of its keywords."""
    found = list[str]()
    for one in rewriting.graft.methods.values():
        for call in calls(one):
            if dotted(call.func) == "kwargs.pop" and call.args:
                name = call.args[0].value
                if isinstance(name, cst.SimpleString):
                    found.append(str(name.evaluated_value))
    return list(dict.fromkeys(found))


def _calls_features(forward: cst.FunctionDef, rewriting: Rewriting) -> bool:
    """Tell a `forward` that makes features of items already."""
    made = {f"self.{name}" for name in rewriting.graft.methods} - {"self.forward"}
    return any(dotted(call.func) in made for call in calls(forward))


def _problem(module: cst.Module, node: cst.ClassDef, decoder: str) -> Failed | None:
    if not decoder:
        return Failed(
            "its forward gives the ids to no attribute of the class",
            "have it call a decoder that takes inputs_embeds in place of ids",
        )
    made = decoder_class(module, node)
    forward = method(made, "forward") if made is not None else None
    if made is not None and forward is not None and EMBEDS not in parameter_names(forward):
        return Failed(
            f"its decoder takes no {EMBEDS}: {made.name.value}.forward",
            f"have that forward take {EMBEDS} and use it in place of the ids' embeddings",
        )
    return None


def _merging(donor: cst.FunctionDef, names: set[str]) -> list[Statement]:
    """Take what the port's `forward` does before it calls its language model."""
    found = [
        one
        for one in statements(donor)
        if not (isinstance(one, cst.SimpleStatementLine) and isinstance(one.body[0], cst.Return))
    ]
    # A forward that is given embeddings has them from there.
    return [one for one in found if not (assigned(one) == EMBEDS and EMBEDS in names)]


def _with_keywords(statement: Statement, tensors: list[str], indent: str) -> Statement:
    changed = statement.visit(_Keywords(tensors, indent))
    assert isinstance(changed, cst.SimpleStatementLine | cst.BaseCompoundStatement)  # noqa: S101
    return changed


class _Keywords(cst.CSTTransformer):
    """Names each tensor where the port hands `**kwargs` on."""

    def __init__(self, tensors: list[str], indent: str) -> None:
        self.tensors = tensors
        self.indent = indent

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.Call:  # noqa: N802
        if not any(arg.star == "**" and dotted(arg.value) == "kwargs" for arg in updated_node.args):
            return updated_node
        keywords = ", ".join(f"{name}={name}" for name in self.tensors)
        call = cst.parse_expression(f"f({keywords})")
        assert isinstance(call, cst.Call)  # noqa: S101 - what a call is
        width = LINE_LENGTH - len("            multimodal_embeddings = ")
        named = updated_node.with_changes(args=call.args)
        return fitting_call(named, width=width, indent=self.indent)


def _with_tensors(
    forward: cst.FunctionDef, tensors: list[str], module: cst.Module
) -> cst.FunctionDef:
    """Add a keyword for each tensor, and one for all others, behind the parameters."""
    annotated = any(one.annotation is not None for one in forward.params.params[1:])
    for name in tensors:
        held = _TENSOR if name == EMBEDS else _TENSORS
        added = optional(name, held if annotated else "")
        params = forward.params
        known = with_item(params.params, len(params.params), added)
        forward = forward.with_changes(params=params.with_changes(params=known))
    if forward.params.star_kwarg is not None:
        return forward
    kind = cst.Annotation(cst.Name("object")) if annotated else None
    return with_parameter(forward, cst.Param(cst.Name("kwargs"), kind, star="**"), module)


def _told(statement: Statement, decoder: str, indent: str) -> Statement:
    """Hand the embeddings to the decoder."""
    changed = statement.visit(_Told(f"self.{decoder}", indent))
    assert isinstance(changed, cst.SimpleStatementLine | cst.BaseCompoundStatement)  # noqa: S101
    return changed


class _Told(cst.CSTTransformer):
    def __init__(self, decoder: str, indent: str) -> None:
        self.decoder = decoder
        self.indent = indent

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.Call:  # noqa: N802
        args = updated_node.args
        asks = dotted(updated_node.func) == self.decoder
        if not asks or any(EMBEDS in (dotted(arg.value), dotted(arg.keyword)) for arg in args):
            return updated_node
        equal = cst.AssignEqual(cst.SimpleWhitespace(""), cst.SimpleWhitespace(""))
        told = cst.Arg(cst.Name(EMBEDS), keyword=cst.Name(EMBEDS), equal=equal)
        # Room beside what takes the result, in a method.
        width = LINE_LENGTH - len("        hidden_states = ")
        return with_argument(updated_node, told, width=width, indent=self.indent)


STEP = Step(
    id="merging",
    summary="`forward` takes the tensors of items and merges their features with the text",
    since="0.5.1",
    reference="vllm.model_executor.models.utils.merge_multimodal_embeddings",
    risk="review",
    apply=_apply,
)
