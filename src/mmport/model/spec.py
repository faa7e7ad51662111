"""`VlmSpec`: what the HuggingFace model is, independent of any vLLM."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

SPEC_SCHEMA = "mmport.spec/1"

Modality = Literal["image", "video", "audio"]
MergeStrategy = Literal["scatter"]
Positions = Literal["rope"]
FeatureSelection = Literal["default", "full"]
KeyLayout = Literal[
    "transformers-4", "transformers-4.52", "transformers-5", "transformers-5-below-model"
]


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file of the model source that the spec was read from."""

    path: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Source:
    """Where the model came from: a hub repo at a commit, or a local folder."""

    kind: Literal["hub", "local"]
    name: str
    revision: str | None
    files: tuple[SourceFile, ...]


@dataclass(frozen=True, slots=True)
class EncoderSpec:
    """One modality's encoder. `image_size` and `patch_size` are in pixels."""

    modality: Modality
    family: str
    model_type: str
    path: str
    hidden_size: int
    num_layers: int
    image_size: int
    patch_size: int
    has_class_token: bool
    """The encoder prepends a class token, which selection "default" drops."""


@dataclass(frozen=True, slots=True)
class FeatureSpec:
    """Which hidden states of the encoder are taken, and which of their tokens.

    `layers` are HF's indices into `hidden_states`, whose item 0 is the
    embedding output, so layer `n` is the output of block `n - 1`.
    """

    layers: tuple[int, ...]
    selection: FeatureSelection


@dataclass(frozen=True, slots=True)
class ConnectorSpec:
    """What turns encoder features into embeddings of the language model."""

    family: str
    path: str
    input_size: int
    output_size: int
    activation: str
    bias: bool


@dataclass(frozen=True, slots=True)
class LanguageModelSpec:
    """The text part and the vLLM architecture that serves it (None: there is none).

    `base_prefix` is the name of the decoder inside HF's causal-LM class
    (`model`, `transformer`, …), the first part of a text checkpoint's keys.
    """

    model_type: str
    path: str
    hf_architecture: str | None
    vllm_architecture: str | None
    base_prefix: str
    hidden_size: int
    num_layers: int
    vocab_size: int
    tied_embeddings: bool
    head_arithmetic: tuple[str, ...] = ()
    """Settings by which the text-only class changes its logits after the head
    (`logit_scale`, `final_logit_softcapping`), and the VLM's class does not."""


@dataclass(frozen=True, slots=True)
class PlaceholderSpec:
    """The token that stands for one item in the prompt.

    `tokens_per_item` is how many of them an item becomes.
    """

    modality: Modality
    token: str
    token_id: int
    tokens_per_item: int


@dataclass(frozen=True, slots=True)
class TensorGroup:
    """Checkpoint tensors that share a name but for its layer indices.

    `pattern` holds `{}` where an index stands; `count` is how many tensors the
    pattern covers, each of `shape` and `dtype`.
    """

    pattern: str
    count: int
    dtype: str
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class CheckpointSpec:
    """The weights as their headers tell: names, shapes, dtypes, no values."""

    layout: KeyLayout
    files: tuple[str, ...]
    tensors: tuple[TensorGroup, ...]
    parameter_count: int


@dataclass(frozen=True, slots=True)
class VlmSpec:
    """Facts about a HuggingFace vision-language model."""

    schema: str
    source: Source
    architecture: str
    model_type: str
    modalities: tuple[Modality, ...]
    encoders: tuple[EncoderSpec, ...]
    features: FeatureSpec
    connector: ConnectorSpec
    language_model: LanguageModelSpec
    placeholders: tuple[PlaceholderSpec, ...]
    merge: MergeStrategy
    positions: Positions
    checkpoint: CheckpointSpec | None
    """None where the source has a config and no weights."""
