"""Asks a part of the questions: some scenarios, some stages; and never claims more than that."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from mmport.core.errors import Usage
from mmport.model.evidence import Outcome, Stage, StageResult
from mmport.model.facts import ModelFacts
from mmport.verification.cases import Questions
from mmport.verification.questions import scenarios

_OF_SCENARIOS = {Stage.ENCODER, Stage.MERGE, Stage.DECODER, Stage.LOGITS, Stage.GENERATION}
"""Stages that are judged by what the model answers."""
_OF_PROCESSOR = {Stage.PROCESSOR, Stage.BUDGET}
"""Stages for which no model is run."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What the user wants asked; empty: all of it."""

    stages: tuple[Stage, ...] = ()
    scenarios: tuple[str, ...] = ()

    @property
    def is_part(self) -> bool:
        """Tell whether anything is left out."""
        return bool(self.stages or self.scenarios)

    @property
    def runs_model(self) -> bool:
        """Tell whether a model must be loaded for it."""
        return bool(not self.stages or set(self.stages) - _OF_PROCESSOR)

    def wants(self, stage: Stage) -> bool:
        """Tell whether a stage is to be judged."""
        return not self.stages or stage in self.stages

    def of(self, questions: Questions) -> Questions:
        """Leave out what nobody wants to know."""
        asked = questions.scenarios
        if self.scenarios:
            asked = tuple(one for one in asked if one.name in self.scenarios)
        if self.stages and not _OF_SCENARIOS & set(self.stages):
            asked = ()
        cases = questions.processor_cases if self.wants(Stage.PROCESSOR) else ()
        return replace(questions, scenarios=asked, processor_cases=cases)

    def required(self, stages: Iterable[Stage], asked: Questions) -> tuple[Stage, ...]:
        """Say what has to pass: of the usual stages those that the questions can prove.

        Stages that were asked for have to pass, whatever is usual.

        Args:
            stages: those that a whole run requires.
            asked: the questions that are left.
        """
        if self.stages:
            return tuple(stage for stage in Stage if stage in self.stages)
        if not self.scenarios:
            return tuple(stages)
        unproven = set()
        if not any(request.items for one in asked.scenarios for request in one.requests):
            unproven.add(Stage.ENCODER)
        if not any(one.record for one in asked.scenarios):
            unproven |= {Stage.MERGE, Stage.DECODER}
        return tuple(stage for stage in stages if stage not in unproven)

    def judged(self, results: Collection[StageResult]) -> tuple[StageResult, ...]:
        """Take back what was seen in passing of stages that were not asked for.

        A failure stays: whatever was asked, nothing after it is proven.
        """
        return tuple(
            result
            if self.wants(result.stage) or result.outcome is Outcome.FAILED
            else StageResult(result.stage, Outcome.NOT_RUN, (), "not asked for")
            for result in results
        )

    def check(self, facts: ModelFacts) -> None:
        """See that a model has the scenarios.

        Raises:
            Usage: it does not have one of them.
        """
        known = [scenario.name for scenario in scenarios(facts)]
        for name in self.scenarios:
            if name not in known:
                raise Usage(
                    f"this model has no scenario {name!r}",
                    f"choose from: {', '.join(known)}",
                )


WHOLE = Selection()
"""Everything is asked."""
