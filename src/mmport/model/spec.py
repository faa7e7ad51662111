"""`VlmSpec`: what the HuggingFace model is, independent of any vLLM."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mmport.model.conversions import WeightFacts
from mmport.model.logits import Logits

SPEC_SCHEMA = "mmport.spec/1"

Modality = Literal["image", "video", "audio"]
MergeStrategy = Literal["scatter"]
Positions = Literal["rope"]
TextPositions = Literal["rope", "mrope"]
Rotation = Literal["pairs", "halves"]
FeatureSelection = Literal["default", "full"]
Written = Literal["placeholder", "rewritten", "nothing", "tokens"]
Counted = Literal["constant", "method", "asked"]
KeyLayout = Literal[
    "transformers-4", "transformers-4.52", "transformers-5", "transformers-5-below-model"
]


@dataclass(frozen=True, slots=True)
class TextValue:
    """A string as a value, or the name of an attribute of the whole model's config."""

    text: str
    of_whole: bool = False


Setting = tuple[str, bool | int | float | str | TextValue]
"""An attribute of a config and its value; a string is another attribute, whose value it takes."""


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
    settings: tuple[Setting, ...] = ()
    """What a repo's code builds it with, where no config says it."""


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
class TextCandidate:
    """A text architecture of vLLM that can serve a language model, as far as source tells.

    `settings` are attributes that the class reads and the text config lacks.
    `rotation` is how the model pairs what it rotates where the class does it the
    other way; `decoder` the module and class that the Transformers backend has to
    be told of, as transformers' AutoModel does not know it.
    """

    architecture: str
    found: Literal["name", "config", "structure", "namesake", "backend"]
    reason: str
    settings: tuple[Setting, ...] = ()
    rotation: Rotation | None = None
    decoder: tuple[str, str] | None = None


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
    """Whether the whole model ties its head to the embedding."""
    tied_inside: bool = False
    """Whether the text config says so, which is all that a text-only class reads."""
    head_arithmetic: tuple[str, ...] = ()
    """Settings by which the text-only class changes its logits after the head
    (`logit_scale`, `final_logit_softcapping`), and the VLM's class does not."""
    missing_arithmetic: tuple[str, ...] = ()
    """The reverse: what the VLM's class does, and the text-only class does not."""
    logits: Logits | None = None
    """All that the VLM's class does to its logits, if something of it is missing
    and vLLM's logits processor can do it."""
    positions: TextPositions = "rope"
    candidates: tuple[TextCandidate, ...] = ()
    """What can serve it, the likeliest first; `vllm_architecture` is the first of them."""
    not_served: str = ""
    """Why there is none."""


@dataclass(frozen=True, slots=True)
class PlaceholderSpec:
    """The token that stands for one item in the prompt.

    `tokens_per_item` is how many of them an item becomes; 0 where that depends
    on the item.
    """

    modality: Modality
    token: str
    token_id: int
    tokens_per_item: int


ARGUMENTS: dict[Modality, str] = {"image": "images", "video": "videos", "audio": "audio"}
"""By which keyword a processor is given the items of a modality."""


@dataclass(frozen=True, slots=True)
class ItemProcessing:
    """How a processor takes the items of one modality.

    Expressions are Python over the name `processor`.
    """

    modality: Modality
    written: Written
    """What a user writes for an item: a placeholder that the processor expands, one
    beside which it rewrites the text too, nothing, as the processor puts the tokens
    before the prompt, or all tokens."""
    placeholder: str
    """Expression of what is searched for in the text; empty if nothing is."""
    prefix: str
    suffix: str
    """Expressions of what must stand around the placeholder, or HF refuses the text."""
    counted: Counted
    """How tokens are counted: the same for items of all sizes, by a method of the
    processor, or by having it process an item."""
    numbered: bool
    """An item's place in the prompt is written into its expansion."""
    framed: bool
    """The processor puts tokens before or after every text, beside the tokenizer's."""
    special_tokens: bool
    """The tokenizer's own tokens around a text are wanted."""
    part: str
    """The attribute of the processor that makes tensors of an item."""
    unused: tuple[str, ...]
    """Outputs of the item's processor that are taken away again."""
    nested: bool = False
    """Items are wanted in a list for each prompt."""

    @property
    def argument(self) -> str:
        """The keyword of the items in a call of the processor."""
        return ARGUMENTS[self.modality]

    @property
    def text(self) -> str:
        """Expression of a text that asks for one item and nothing else."""
        parts = [part for part in (self.prefix, self.placeholder, self.suffix) if part]
        return " + ".join(parts) or '""'


@dataclass(frozen=True, slots=True)
class FeatureMethod:
    """What turns the tensors of one modality into embeddings of the language model.

    `inputs` are pairs of a parameter and the processor's output that it takes.
    `result` is the attribute of the returned value that holds the features;
    empty: the value itself. `source` is the method's text where HF's class has
    no such method, and its `forward` does this inline. `token` is the attribute
    of the config (dotted) that holds the id at the features' positions; empty
    where the source compares ids with no such thing. `packed` methods take the
    patches of all items as one row, so items are not joined row by row for them.
    """

    modality: Modality
    name: str
    inputs: tuple[tuple[str, str], ...]
    result: str = ""
    source: str = ""
    token: str = ""
    packed: bool = False


@dataclass(frozen=True, slots=True)
class Deepstack:
    """Features that are added to hidden states at the placeholders, layer by layer.

    `results` pair a method of features with the attribute of its result that holds
    a list of them, all of equal shape. `layers` is an expression over `self`, the
    owner of that method, for the decoder layer of each; features are added to that
    layer's input if `before`, else to its output. In a list with `keys` they are
    pairs of a layer and its features.
    """

    results: tuple[tuple[str, str], ...]
    layers: str
    before: bool
    keys: bool


@dataclass(frozen=True, slots=True)
class PositionValue:
    """What positions depend on and is computed of one of the processor's outputs.

    `parameter` is of `get_rope_index`, `value` an expression over `variable`,
    which stands for `field`.
    """

    parameter: str
    field: str
    variable: str
    value: str


@dataclass(frozen=True, slots=True)
class ImportedName:
    """A name that statements use: `from module import name`, or `import module as name`."""

    name: str
    module: str
    whole: bool = False
    """It is the module itself."""


@dataclass(frozen=True, slots=True)
class NestedModel:
    """An attribute of HF's class that holds its decoder and what makes features.

    `owner`, of `module`, is the attribute's class. `statements` of its `__init__`
    make what features need; `methods` are those that they call.
    """

    attribute: str
    module: str
    owner: str
    methods: tuple[str, ...]
    statements: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Anatomy:
    """How HF's class is put together, as its source tells.

    `owner`, of `module`, is the class that computes features; `path` is where
    it is from the top of the model (`model`, or empty for the top itself).
    `statements` of its `__init__` make `parts`, the attributes that features
    need. `imports` are the names in them, each with its module.
    """

    module: str
    owner: str
    path: str
    parts: tuple[str, ...]
    statements: tuple[str, ...]
    imports: tuple[ImportedName, ...]
    methods: tuple[FeatureMethod, ...]
    language_model: str
    """Attribute path from the top of the model."""
    code: tuple[tuple[str, str], ...] = ()
    """The repo's own modules that these need, by name, cut to that; none where
    transformers has them."""
    unread: tuple[tuple[Modality, str], ...] = ()
    """Modalities that the class has features of and no method was read for; why."""
    weights: WeightFacts | None = None
    position_inputs: tuple[str, ...] = ()
    """What `get_rope_index` takes besides ids, where the class has that method: its
    positions then depend on the media."""
    position_values: tuple[PositionValue, ...] = ()
    first_position: int = 0
    """That of the first token of a prompt."""
    text_ids: str = ""
    """The text of a method `get_text_ids`, where the class embeds other ids than those
    of a prompt in the place of placeholders."""
    deepstack: Deepstack | None = None
    helpers: tuple[tuple[str, str], ...] = ()
    """Methods that HF's own call, by name, where the port has another text for one."""
    within: NestedModel | None = None
    """Where the owner keeps parts in one attribute with its decoder; they are then
    named by dotted paths in `parts`."""


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

    layout: KeyLayout | None
    """None where no table knows the layouts of such a model."""
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
    features: FeatureSpec | None
    connector: ConnectorSpec | None
    language_model: LanguageModelSpec
    placeholders: tuple[PlaceholderSpec, ...]
    merge: MergeStrategy
    positions: Positions
    checkpoint: CheckpointSpec | None
    """None where the source has a config and no weights."""
    items: tuple[ItemProcessing, ...] = ()
    """How the processor takes items, where its source was read for that."""
    anatomy: Anatomy | None = None
    """Of a model that no table of encoders and connectors describes: its source does.
    It has no `features` and no `connector` then, and its encoders' sizes are its own."""
