"""Runs the steps of a rewrite over a file's tree, one after the other, in memory."""

from __future__ import annotations

from dataclasses import dataclass

import libcst as cst

from mmport.codemods.classes import find_class, lineage, method
from mmport.codemods.outcome import Changed, Failed, Outcome, Skipped
from mmport.codemods.rewrite.graft import is_grafted
from mmport.codemods.rewrite.step import Rewriting, Step, distinct
from mmport.codemods.rewrite.steps import (
    absolute_imports,
    constructor,
    decoder,
    embeddings,
    forward,
    interface,
    merging,
    processor,
    registration,
    weights,
)
from mmport.codemods.rewrite.steps.embeddings import FEATURES
from mmport.codemods.rewrite.steps.interface import inherited_model, is_multimodal
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
FIRST_STEPS = distinct(
    (
        absolute_imports.STEP,
        interface.STEP,
        decoder.STEP,
        constructor.STEP,
        embeddings.STEP,
        merging.STEP,
        weights.STEP,
        processor.STEP,
        registration.STEP,
    )
)
"""Of the first multimodal API, which has `forward` merge features itself."""


def is_complete(module: cst.Module, rewriting: Rewriting) -> bool:
    """Tell a class that processes items and makes features of them, or inherits what does."""
    node = find_class(module, rewriting.class_name)
    if is_grafted(node):
        return False  # each step knows its own work again, and does what lacks of it
    family = list(lineage(module, node))
    registered = any(registrations(one) & set(_REGISTERED) for one in family)
    inherits = all(inherited_model(one) for one in family)
    makes = any(method(one, name) is not None for one in family for name in FEATURES)
    # In the first API features are made by methods of any name, within `forward`.
    whole = is_multimodal(module, node) and (makes or rewriting.graft.merges_in_forward)
    return registered and (whole or inherits)


_REGISTERED = ("register_processor", "register_image_input_mapper", "register_input_mapper")


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
    if is_complete(module, rewriting):
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
