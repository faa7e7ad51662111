"""`Evidence`: what `verify` measured, and what it stands for."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

EVIDENCE_SCHEMA = "mmport.evidence/2"

Implementation = Literal["port", "in-tree", "transformers"]


class Stage(StrEnum):
    """Where a port can go wrong, in the order in which data flows."""

    WEIGHTS = "weights"
    PROCESSOR = "processor"
    ENCODER = "encoder"
    MERGE = "merge"
    DECODER = "decoder"
    LOGITS = "logits"
    GENERATION = "generation"
    BUDGET = "budget"


class Outcome(StrEnum):
    """What became of a stage or a single measurement."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_RUN = "not-run"


@dataclass(frozen=True, slots=True)
class Measurement:
    """One comparison: a figure, the bound it was held to, and what came out.

    `figure` and `bound` are None where the comparison is exact (identifiers,
    token ids); `detail` then says what differs. `floor` is by how much HF
    parts from itself there, where that was measured.
    """

    stage: Stage
    scenario: str
    subject: str
    outcome: Outcome
    figure: float | None = None
    bound: float | None = None
    detail: str = ""
    floor: float | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """A module on one side: where it is, what it is, and where its code stands."""

    module: str
    """Attribute path in the whole model."""
    kind: str
    """Name of its class."""
    shape: tuple[int, ...] = ()
    source: str = ""
    """`package/file.py:FIRST-LAST`, of its forward or of the call in its parent's."""


@dataclass(frozen=True, slots=True)
class Divergence:
    """The first place where the two sides part.

    A *node*: a module whose inputs agree and whose output does not. An *edge*:
    the outputs of the modules before (`after_hf`, `after_vllm`) agree, the
    input of this one does not; what lies between has no weights of its own.
    """

    kind: Literal["node", "edge"]
    stage: Stage
    scenario: str
    hf: Place
    vllm: Place
    figure: float | None
    bound: float | None
    detail: str
    after_hf: Place | None = None
    after_vllm: Place | None = None


@dataclass(frozen=True, slots=True)
class ModuleFigure:
    """What goes into or comes out of one aligned pair of modules, compared.

    `figure`, `floor` and `bound` are the largest absolute difference over the
    largest absolute value; None where the two could not be compared.
    """

    stage: Stage
    scenario: str
    hf: str
    vllm: str
    event: Literal["input", "output"]
    figure: float | None
    floor: float | None
    bound: float | None
    agrees: bool | None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class NoiseVariant:
    """HF computed in another way (a finer dtype, another attention), beside its own answers.

    `logprobs` is their largest difference, in nats; `features` that of the items'
    features over the largest value; None where there is none.
    """

    name: str
    used: bool
    """Whether its difference is noise, and part of the floors."""
    logprobs: float | None = None
    features: float | None = None
    detail: str = ""
    """Why it was not used, or what it could not answer."""


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
    divergence: Divergence | None = None
    """The module or edge at which the sides part, where modules could be aligned."""
    modules: tuple[ModuleFigure, ...] = ()
    """Every aligned pair, in the order in which HF ran them."""
    noise: tuple[NoiseVariant, ...] = ()
    """By what the floors were measured; where none was used, the bounds are of eps alone."""
