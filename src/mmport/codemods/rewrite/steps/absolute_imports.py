"""Relative imports of vLLM's own modules become absolute where the file is not among them."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import libcst as cst

from mmport.codemods.imports import dotted
from mmport.codemods.outcome import Changed, Outcome, Skipped, Unchanged
from mmport.codemods.rewrite.step import Rewriting, Step

_MODELS = ("vllm", "model_executor", "models")


def _apply(module: cst.Module, rewriting: Rewriting) -> Outcome:
    if rewriting.in_vllm:
        return Skipped("the file is one of vLLM's own models")
    # Most files have none, and a walk over a whole tree takes long.
    if not any(isinstance(one, ast.ImportFrom) and one.level for one in _nodes(module)):
        return Unchanged()
    rewriter = _Rewriter(rewriting.siblings)
    changed = module.visit(rewriter)
    if not rewriter.count:
        return Unchanged()
    count = "1 import" if rewriter.count == 1 else f"{rewriter.count} imports"
    return Changed(changed, f"{count} of vLLM's models made absolute")


def _nodes(module: cst.Module) -> Iterator[ast.AST]:
    return ast.walk(ast.parse(module.code))


class _Rewriter(cst.CSTTransformer):
    def __init__(self, siblings: frozenset[str]) -> None:
        self.siblings = siblings
        self.count = 0

    def leave_ImportFrom(  # noqa: N802
        self, original_node: cst.ImportFrom, updated_node: cst.ImportFrom
    ) -> cst.ImportFrom:
        level, name = len(updated_node.relative), dotted(updated_node.module)
        if not level or level > len(_MODELS) or name.partition(".")[0] in self.siblings:
            return updated_node
        if not name and not isinstance(updated_node.names, cst.ImportStar):
            modules = {dotted(alias.name) for alias in updated_node.names}
            if modules & self.siblings:
                return updated_node
        self.count += 1
        package = _MODELS[: len(_MODELS) + 1 - level]
        absolute = ".".join([*package, name] if name else package)
        module = cst.parse_expression(absolute)
        assert isinstance(module, cst.Name | cst.Attribute)  # noqa: S101 - what a dotted name is
        spaced = updated_node.whitespace_after_from
        if spaced.empty:
            spaced = cst.SimpleWhitespace(" ")
        return updated_node.with_changes(relative=(), module=module, whitespace_after_from=spaced)


STEP = Step(
    id="absolute-imports",
    summary="Imports `.utils` as `vllm.model_executor.models.utils`",
    since="0.5.1",
    reference="A model outside vLLM is imported by its own name, and has none of vLLM's beside it.",
    risk="none",
    apply=_apply,
)
