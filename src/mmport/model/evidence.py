"""`Evidence`: what `verify` measured, and what it stands for."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

EVIDENCE_SCHEMA = "mmport.evidence/1"

Implementation = Literal["port", "in-tree", "transformers"]


class Stage(StrEnum):
    """Where a port can go wrong, in the order in which data flows."""

    WEIGHTS = "weights"
    PROCESSOR = "processor"
    ENCODER = "encoder"
    LOGITS = "logits"
    GENERATION = "generation"


class Outcome(StrEnum):
    """What became of a stage or a single measurement."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_RUN = "not-run"


@dataclass(frozen=True, slots=True)
class Measurement:
    """One comparison: a figure, the bound it was held to, and what came out.

    `figure` and `bound` are None where the comparison is exact (identifiers,
    token ids); `detail` then says what differs.
    """

    stage: Stage
    scenario: str
    subject: str
    outcome: Outcome
    figure: float | None = None
    bound: float | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class StageResult:
    """All measurements of one stage, and the stage's outcome."""

    stage: Stage
    outcome: Outcome
    measurements: tuple[Measurement, ...]
    reason: str = ""
    """Why a stage was not run."""


@dataclass(frozen=True, slots=True)
class Environment:
    """The software and hardware on which the evidence was made.

    `python`, `vllm` and `torch` are of the engine's environment, the fields with
    `hf_` and `transformers` of the reference's, which may be another.
    """

    mmport: str
    python: str
    vllm: str
    torch: str
    transformers: str
    device: str
    dtype: str
    hf_python: str = ""
    hf_torch: str = ""
    hf_attention: str = ""
    """HF's attention implementation: `eager`, or another where the model has no such."""


@dataclass(frozen=True, slots=True)
class FileHash:
    """A file of the port, as it was when it was proven."""

    path: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """One implementation compared with HF on one checkpoint."""

    schema: str
    implementation: Implementation
    model: str
    revision: str | None
    tiny: bool
    files: tuple[FileHash, ...]
    environment: Environment
    stages: tuple[StageResult, ...]
    outcome: Outcome
    first_failure: str
    """The first failed measurement in the order of the data's flow; empty if none."""
    architecture: str = ""
    """The HF architecture of the model; a port's evidence is about no other."""
    required: tuple[Stage, ...] = tuple(Stage)
    """Stages that have to pass for the whole to pass; none of the others may fail."""
