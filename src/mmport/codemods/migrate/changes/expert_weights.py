"""vLLM collects the experts' weights by itself: text models have no list of them to be copied."""

from __future__ import annotations

import ast

from mmport.codemods.migrate.codemod import Codemod, Edits
from mmport.codemods.migrate.reading import Reading

_OWNER, _NAME = "MixtureOfExperts", "expert_weights"


def _apply(reading: Reading) -> Edits:
    edits = Edits()
    for node in reading.nodes:
        if isinstance(node, ast.stmt) and _copies(node):
            start, end = reading.span(node)
            # A comment above is of the lines below as well, so it stays.
            edits.put(reading.line_start(start), reading.next_line(end), "")
    return edits


def _copies(node: ast.stmt) -> bool:
    """Tell `self.expert_weights = self.language_model.expert_weights`."""
    match node:
        case (
            ast.Assign(
                targets=[ast.Attribute(value=ast.Name(id="self"), attr=name)],
                value=ast.Attribute(attr=source),
            )
            | ast.AnnAssign(
                target=ast.Attribute(value=ast.Name(id="self"), attr=name),
                value=ast.Attribute(attr=source),
            )
        ):
            return (name, source) == (_NAME, _NAME)
    return False


CODEMOD = Codemod(
    id="expert-weights",
    summary=f"{_NAME} is copied from a text model no more: {_OWNER} collects them",
    since="0.25.0",
    instead="nothing",
    reference=f"vllm.model_executor.models.interfaces.{_OWNER}.set_eplb_state",
    risk="safe",
    apply=_apply,
)
