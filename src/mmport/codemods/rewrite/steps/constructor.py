"""The encoder and the connector join the constructor; the rest of it gets the text config."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import libcst as cst

from mmport.codemods.classes import (
    Statement,
    after_attributes,
    apart,
    assigned,
    block,
    calls,
    find_class,
    is_docstring,
    is_filler,
    method,
    replace_class,
    statements,
    value_of,
    with_statements,
)
from mmport.codemods.imports import dotted, with_imports
from mmport.codemods.lists import LINE_LENGTH, fitting_call
from mmport.codemods.outcome import Changed, Failed, Outcome, Unchanged
from mmport.codemods.rewrite.graft import WHOLE
from mmport.codemods.rewrite.step import Rewriting, Step
from mmport.codemods.rewrite.steps.adapters import fused_tables, fuses_alike, takes_adapters

_TEXT = f"{WHOLE}.model_config.hf_config.text_config"
_NARROWED = f"vllm_config = {WHOLE}.with_hf_config(\n    {_TEXT}\n)"
_INHERITED = (
    'def __init__(self, *, vllm_config: VllmConfig, prefix: str = "") -> None:\n'
    "    super().__init__(vllm_config=vllm_config, prefix=prefix)\n"
)


def _apply(module: cst.Module, rewriting: Rewriting) -> Outcome:
    node = find_class(module, rewriting.class_name)
    init = method(node, "__init__")
    if init is not None and _builds_tower(init, rewriting):
        return Unchanged()
    own = init is not None
    if init is None:
        written = cst.parse_statement(_INHERITED)
        assert isinstance(written, cst.FunctionDef)  # noqa: S101 - what `def` is
        init = written
    problem = _problem(init)
    if problem is not None:
        return problem
    decoder = decoder_of(node)
    body = [_marked(one, decoder, module.default_indent) for one in statements(init)]
    begin = 1 if body and is_docstring(body[0]) else 0
    body[begin : begin + 1] = [apart(one) for one in body[begin : begin + 1]]
    built = _built(rewriting)
    if takes_adapters(module, node) and not fuses_alike(node, rewriting.graft):
        built += fused_tables(rewriting.graft)
    changed = with_statements(init, [*body[:begin], *_narrowing(), *body[begin:], *built])
    module = replace_class(module, _with_constructor(node, init if own else None, changed))
    wanted = rewriting.graft.imports_of([*built, *([] if own else [changed])])
    return Changed(
        with_imports(module, wanted), "the encoder and the connector join the constructor"
    )


def _builds_tower(init: cst.FunctionDef, rewriting: Rewriting) -> bool:
    """Tell whether a constructor makes what the graft would, or marks a tower of its own."""
    marks = {call.func.attr.value for call in calls(init) if isinstance(call.func, cst.Attribute)}
    made = targets(statements(init)) & targets(rewriting.graft.constructor)
    return bool(made or marks & {"_mark_tower_model", "_mark_composite_model"})


def targets(body: Iterable[Statement]) -> set[str]:
    """Name the modules that statements make: attributes that are set to what a call gives."""
    found = set[str]()
    for one in body:
        if isinstance(one, cst.With):
            found |= targets(block(one.body))
        elif assigned(one).startswith("self.") and isinstance(value_of(one), cst.Call):
            found.add(assigned(one))
    return found


def _problem(init: cst.FunctionDef) -> Failed | None:
    params = init.params
    names = {one.name.value for one in (*params.params, *params.kwonly_params)}
    missing = {"vllm_config", "prefix"} - names
    if missing:
        return Failed(
            f"its constructor takes no {' and no '.join(sorted(missing, reverse=True))}",
            'have it take `*, vllm_config: VllmConfig, prefix: str = ""`, as every model of'
            " this vLLM does",
        )
    return None


def decoder_of(node: cst.ClassDef) -> str:
    """Name the attribute that `forward` gives the ids to; empty where that cannot be read."""
    forward = method(node, "forward")
    for call in calls(forward) if forward is not None else ():
        owner, _, name = dotted(call.func).rpartition(".")
        if owner == "self" and any(dotted(arg.value) == "input_ids" for arg in call.args):
            return name
    return ""


def _narrowing() -> list[Statement]:
    """Have the constructor see the text config, as that of a text model does."""
    first = cst.parse_statement(f"{WHOLE} = vllm_config")
    comment = cst.EmptyLine(
        comment=cst.Comment("# The language model is built from the text config alone.")
    )
    return [
        first.with_changes(leading_lines=[comment]),
        cst.parse_statement(_NARROWED),
    ]


def _marked(statement: Statement, decoder: str, indent: str) -> Statement:
    """Put what makes the language model into the context that marks it as such."""
    makes = decoder and assigned(statement) == f"self.{decoder}"
    if not makes and not _is_inherited_constructor(statement):
        return statement
    if isinstance(value_of(statement), cst.Name):
        return statement
    marked = cst.parse_statement("with self._mark_language_model(vllm_config):\n    pass\n")
    assert isinstance(marked, cst.With)  # noqa: S101 - what `with` is
    return marked.with_changes(
        leading_lines=statement.leading_lines,
        body=cst.IndentedBlock([_fitting(statement.with_changes(leading_lines=()), indent)]),
    )


def _fitting(statement: Statement, indent: str) -> Statement:
    """Break what no longer fits a line, one level further in, at its outermost call."""
    call = next(calls(statement), None)
    if call is None or not isinstance(statement, cst.SimpleStatementLine):
        return statement
    text = cst.Module([]).code_for_node(statement).strip()
    room = LINE_LENGTH - 3 * len(indent) - (len(text) - len(cst.Module([]).code_for_node(call)))
    changed = statement.deep_replace(call, fitting_call(call, width=room, indent=indent))
    return changed if isinstance(changed, cst.SimpleStatementLine) else statement


def _is_inherited_constructor(statement: Statement) -> bool:
    """Tell `super().__init__(vllm_config=…)`: it builds a language model."""
    if not isinstance(statement, cst.SimpleStatementLine):
        return False
    return any(
        isinstance(call.func, cst.Attribute)
        and call.func.attr.value == "__init__"
        and any(dotted(arg.value) == "vllm_config" for arg in call.args)
        for call in calls(statement)
    )


def _built(rewriting: Rewriting) -> list[Statement]:
    first, *rest = rewriting.graft.constructor
    return [apart(first), *rest]


def _with_constructor(
    node: cst.ClassDef, old: cst.FunctionDef | None, new: cst.FunctionDef
) -> cst.ClassDef:
    body: Sequence[Statement] = statements(node)
    if old is not None:
        return with_statements(node, [new if one is old else one for one in body])
    kept = [one for one in body if not is_filler(one)]
    place = after_attributes(kept)
    return with_statements(node, [*kept[:place], apart(new), *kept[place:]])


STEP = Step(
    id="constructor",
    summary="The encoder and the connector join the constructor",
    since="0.15.0",
    reference="SupportsMultiModal._mark_tower_model, _mark_language_model",
    risk="review",
    apply=_apply,
)
