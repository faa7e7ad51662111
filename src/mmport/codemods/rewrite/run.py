"""Runs the steps of a rewrite over a file's tree, one after the other, in memory."""

from __future__ import annotations

from dataclasses import dataclass

import libcst as cst

from mmport.codemods.classes import find_class, lineage, method
from mmport.codemods.outcome import Changed, Failed, Outcome, Skipped, Unchanged
from mmport.codemods.rewrite.step import Rewriting, Step, distinct
from mmport.codemods.rewrite.steps import (
    absolute_imports,
    constructor,
    embeddings,
    forward,
    interface,
    merging,
    processor,
    registration,
    weights,
)
from mmport.codemods.rewrite.steps.interface import has_own_foundation, is_multimodal
from mmport.codemods.rewrite.steps.processor import registrations

STEPS = distinct(
    (
        absolute_imports.STEP,
        interface.STEP,
        constructor.STEP,
        embeddings.STEP,
        forward.STEP,
        weights.STEP,
        processor.STEP,
        registration.STEP,
    )
)
"""Of the contract with `register_processor`, in their order."""
FIRST_STEPS = distinct(tuple(merging.STEP if step is forward.STEP else step for step in STEPS))
"""Of the first multimodal API, which has `forward` merge features itself."""


def is_complete(module: cst.Module, class_name: str) -> bool:
    """Tell a class that has its own processing and makes features, or inherits what does."""
    node = find_class(module, class_name)
    family = list(lineage(module, node))
    makes = any(method(one, name) is not None for one in family for name in _MAKES)
    inherits = not any(has_own_foundation(one) for one in family)
    registered = any(registrations(one) & set(_REGISTERED) for one in family)
    return registered and ((makes and is_multimodal(module, node)) or inherits)


_REGISTERED = ("register_processor", "register_image_input_mapper", "register_input_mapper")
_MAKES = ("embed_multimodal", "get_multimodal_embeddings", "_process_image_input")


@dataclass(frozen=True, slots=True)
class Rewritten:
    """What became of a file: its tree, and of each step its outcome, by id."""

    module: cst.Module
    outcomes: tuple[tuple[Step, Outcome], ...]

    @property
    def failures(self) -> tuple[tuple[Step, Failed], ...]:
        """The steps that are needed and could not be done."""
        return tuple((step, one) for step, one in self.outcomes if isinstance(one, Failed))


def rewrite(module: cst.Module, rewriting: Rewriting) -> Rewritten:
    """Apply every step; where one fails the tree is the one that came in.

    Of a class that is multimodal already, in whatever way, nothing is touched.
    """
    steps = FIRST_STEPS if rewriting.graft.merges_in_forward else STEPS
    if is_complete(module, rewriting.class_name):
        done = Skipped("the class is multimodal already")
        return Rewritten(module, tuple((step, done) for step in steps))
    changed, outcomes = module, list[tuple[Step, Outcome]]()
    for step in steps:
        outcome = step.apply(changed, rewriting)
        outcomes.append((step, outcome))
        if isinstance(outcome, Changed):
            changed = outcome.module
    result = Rewritten(changed, tuple(outcomes))
    return Rewritten(module, result.outcomes) if result.failures else result


__all__ = ["STEPS", "Changed", "Failed", "Rewritten", "Skipped", "Unchanged", "rewrite"]
