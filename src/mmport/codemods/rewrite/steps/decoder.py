"""The decoder takes embeddings in place of ids, where it does not yet."""

from __future__ import annotations

import libcst as cst

from mmport.codemods.classes import (
    Statement,
    apart,
    assigned,
    block,
    calls,
    classes,
    find_class,
    method,
    parameter_names,
    replace_class,
    statements,
    value_of,
    with_method,
    with_statements,
    written,
)
from mmport.codemods.imports import Imported, dotted, with_imports
from mmport.codemods.lists import optional, with_item
from mmport.codemods.outcome import Changed, Failed, Outcome, Skipped, Unchanged
from mmport.codemods.rewrite.step import Rewriting, Step
from mmport.codemods.rewrite.steps.interface import inherited_model

EMBEDS = "inputs_embeds"
_EMBED = "get_input_embeddings"
_IMPORTS = (Imported("typing", "Optional", "Optional"), Imported("torch", "", "torch"))


def decoder_of(node: cst.ClassDef) -> str:
    """Name the attribute that `forward` gives the ids to; empty where that cannot be read."""
    forward = method(node, "forward")
    for call in calls(forward) if forward is not None else ():
        owner, _, name = dotted(call.func).rpartition(".")
        if owner == "self" and any(dotted(arg.value) == "input_ids" for arg in call.args):
            return name
    return ""


def decoder_class(module: cst.Module, node: cst.ClassDef) -> cst.ClassDef | None:
    """Find the decoder's class, where it is one of this file."""
    init, decoder = method(node, "__init__"), decoder_of(node)
    for one in statements(init) if init is not None else ():
        value = value_of(one)
        if assigned(one) == f"self.{decoder}" and isinstance(value, cst.Call):
            name = dotted(value.func)
            return next((known for known in classes(module) if known.name.value == name), None)
    return None


def _apply(module: cst.Module, rewriting: Rewriting) -> Outcome:
    made = decoder_class(module, find_class(module, rewriting.class_name))
    forward = method(made, "forward") if made is not None else None
    if made is None or forward is None:
        return Skipped("the decoder's class is of another file")
    takes = EMBEDS in parameter_names(forward)
    # A decoder that inherits one of another file has that one's embedding.
    embeds = method(made, _EMBED) is not None or bool(inherited_model(made))
    if takes and embeds:
        return Unchanged()
    embedding = _Embedding()
    changed = forward.visit(embedding)
    if len(embedding.found) != 1 or not isinstance(changed, cst.FunctionDef):
        return Failed(
            f"{made.name.value}.forward embeds ids in {len(embedding.found)} places that can be"
            " read, and one is wanted",
            f"have that forward take {EMBEDS} in place of ids, and give the class"
            f" {_EMBED}(input_ids)",
        )
    node = made if takes else with_method(made, forward, _with_parameter(changed))
    if not embeds:
        node = _with_embed(node, embedding.found[0])
    return Changed(
        with_imports(replace_class(module, node), _IMPORTS),
        f"{made.name.value} takes embeddings in place of ids",
    )


class _Embedding(cst.CSTTransformer):
    """Finds `x = self.embed(input_ids)`, and has embeddings that are given take its place."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def leave_IndentedBlock(  # noqa: N802
        self, original_node: cst.IndentedBlock, updated_node: cst.IndentedBlock
    ) -> cst.IndentedBlock:
        body: list[Statement] = []
        for one in block(updated_node):
            embed = _embedding(one)
            if embed:
                self.found.append(embed)
            body += _either(one) if embed else [one]
        return updated_node.with_changes(body=body)


def _embedding(statement: Statement) -> str:
    """Name the layer by which a statement embeds ids and does nothing else."""
    value = value_of(statement)
    if not isinstance(value, cst.Call) or len(value.args) != 1 or "." in assigned(statement):
        return ""
    owner, _, layer = dotted(value.func).rpartition(".")
    return layer if owner == "self" and dotted(value.args[0].value) == "input_ids" else ""


def _either(statement: Statement) -> list[Statement]:
    name, bare = assigned(statement), statement.with_changes(leading_lines=())
    if name == EMBEDS:
        made = written(f"if {EMBEDS} is None:\n    pass\n")[0]
        whole = made.with_changes(body=cst.IndentedBlock([bare]))
    else:
        made = written(f"if {EMBEDS} is not None:\n    {name} = {EMBEDS}\nelse:\n    pass\n")[0]
        assert isinstance(made, cst.If)  # noqa: S101 - what `if` is
        assert isinstance(made.orelse, cst.Else)  # noqa: S101
        orelse = made.orelse.with_changes(body=cst.IndentedBlock([bare]))
        whole = made.with_changes(orelse=orelse)
    return [whole.with_changes(leading_lines=statement.leading_lines)]


def _with_parameter(forward: cst.FunctionDef) -> cst.FunctionDef:
    params = forward.params
    annotated = any(one.annotation is not None for one in params.params[1:])
    added = optional(EMBEDS, "Optional[torch.Tensor]" if annotated else "")
    known = with_item(params.params, len(params.params), added)
    return forward.with_changes(params=params.with_changes(params=known))


def _with_embed(node: cst.ClassDef, layer: str) -> cst.ClassDef:
    made = written(
        f"def {_EMBED}(self, input_ids: torch.Tensor) -> torch.Tensor:\n"
        f"    return self.{layer}(input_ids)\n"
    )
    body = statements(node)
    forward = method(node, "forward")
    place = next(number for number, one in enumerate(body) if one is forward)
    return with_statements(node, [*body[:place], *map(apart, made), *body[place:]])


STEP = Step(
    id="decoder",
    summary="The decoder takes embeddings in place of ids",
    since="0.5.1",
    reference="LlamaModel.forward and get_input_embeddings, which LLaVA's class asks",
    risk="review",
    apply=_apply,
)
