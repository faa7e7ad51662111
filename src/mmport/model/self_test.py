"""`SelfTest`: which faults that were put into a right implementation the verifier noticed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from mmport.model.evidence import Divergence, Environment, FileHash, Implementation, Outcome, Stage

SELF_TEST_SCHEMA = "mmport.self-test/1"


class Verdict(StrEnum):
    """What became of a mutant."""

    CAUGHT = "caught"
    MISSED = "missed"
    IN_NOISE = "in-noise"
    """It changes less than right implementations part from each other, and nobody could tell."""
    WITHOUT_EFFECT = "without-effect"
    """Every tensor, logprob and token is bit for bit what it is without the mutant."""


@dataclass(frozen=True, slots=True)
class MutantResult:
    """One fault in one place, and what the verifier made of it.

    `expected` are the stages that may notice first, `stage` is the one that did.
    `right_place` is None where no module is at fault, or none could be named.
    `tokens_agree`: to compare the tokens alone would have missed it. `change`
    is the largest change of a figure over the noise there: by how much HF parts
    from itself, or the right implementation from HF.
    """

    kind: str
    group: str
    place: str
    expected: tuple[Stage, ...]
    verdict: Verdict
    tokens_agree: bool
    stage: Stage | None = None
    right_stage: bool | None = None
    right_place: bool | None = None
    divergence: Divergence | None = None
    change: float | None = None
    failure: str = ""
    raised: bool = False
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class KindCount:
    """How many mutants of a kind there are in all, tried or not."""

    kind: str
    group: str
    found: int


@dataclass(frozen=True, slots=True)
class SelfTest:
    """What a verifier of one implementation noticed of all mutants of it.

    `unmutated` has to be passed for the rest to say anything. `repeatable`: a
    second run without a mutant gave the same bits. `restored`: so did one after
    all mutants.
    """

    schema: str
    implementation: Implementation
    model: str
    tiny: bool
    files: tuple[FileHash, ...]
    environment: Environment
    unmutated: Outcome
    unmutated_failure: str
    repeatable: bool
    restored: bool
    kinds: tuple[KindCount, ...]
    mutants: tuple[MutantResult, ...]
    seconds: float

    @property
    def missed(self) -> tuple[MutantResult, ...]:
        """The mutants that do something and were not noticed."""
        return tuple(one for one in self.mutants if one.verdict is Verdict.MISSED)

    @property
    def passed(self) -> bool:
        """Whether all that can be noticed was, in a run that says something."""
        sound = self.unmutated is Outcome.PASSED and self.repeatable and self.restored
        return sound and bool(self.mutants) and not self.missed
