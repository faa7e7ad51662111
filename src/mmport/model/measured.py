"""`Measured`: what the alternatives to a port came to on the reference models."""

from __future__ import annotations

from dataclasses import dataclass

MEASURED_SCHEMA = "mmport.measured/1"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one alternative.

    It `answers` where what it computes and says equals HuggingFace; `told` is
    where it stopped or differed first, and empty if nowhere: one that answers may
    still take no options or no adapters, or declare too small a budget.
    """

    answers: bool
    told: str


@dataclass(frozen=True, slots=True)
class MeasuredModel:
    """A reference model: its architecture, the heads of its weights' names, the outcomes.

    `in_tree` is None where vLLM has no class of its own for it.
    """

    name: str
    architecture: str
    weights: tuple[str, ...]
    in_tree: Outcome | None
    backend: Outcome


@dataclass(frozen=True, slots=True)
class Measured:
    """All of them, and the software that they were measured with."""

    schema: str
    vllm: str
    transformers: str
    models: tuple[MeasuredModel, ...]
