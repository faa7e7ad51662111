"""`PortPlan`: what the port will be, each decision with its reason."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from mmport.model.conversions import Dropped, TensorChange
from mmport.model.logits import Logits
from mmport.model.spec import Counted, Modality, Rotation, Setting, Written

Layout = Literal["plugin", "file"]


class Verdict(StrEnum):
    """What a user of this model on this vLLM should do."""

    IN_TREE = "in-tree"
    BACKEND = "transformers-backend"
    PORT = "port"


class Strategy(StrEnum):
    """How a component of the HF model becomes part of the port."""

    REUSE = "reuse"
    """vLLM's own module."""
    LOWER = "lower"
    """The HF source rewritten to vLLM layers."""
    WRAP = "wrap"
    """The HF module as it is."""


@dataclass(frozen=True, slots=True)
class Decision:
    """One choice of the plan and why it was made."""

    subject: str
    choice: str
    reason: str


@dataclass(frozen=True, slots=True)
class ComponentPlan:
    """One component: how it is ported, and where it sits on both sides.

    Paths are attribute paths from the top of each model. `vllm_module` and
    `vllm_class` name what is reused; both are empty where nothing is.
    """

    role: Literal["encoder", "connector", "language_model"]
    strategy: Strategy
    hf_path: str
    vllm_path: str
    vllm_module: str = ""
    vllm_class: str = ""


@dataclass(frozen=True, slots=True)
class ItemPlan:
    """How a port has one kind of item processed.

    `token` is what a user writes for it, an expression over `processor`;
    `token_id` the id at the positions of its features, one over `config`.
    `placeholder` is what stands for it in a chat; `argument` the processor's
    keyword, `part` its attribute that makes tensors of such items, `fields` its
    outputs that the encoder takes, and `position_fields` those that nothing but
    positions are computed from. `renamed` are pairs of such an output and the name
    that the port has for it, where another kind of item has one of that name. What
    else is told is as in `ItemProcessing`.
    """

    modality: Modality
    placeholder: str
    token: str
    token_id: str
    argument: str
    part: str
    fields: tuple[str, ...]
    position_fields: tuple[str, ...]
    renamed: tuple[tuple[str, str], ...]
    written: Written
    counted: Counted
    numbered: bool
    framed: bool
    special_tokens: bool
    nested: bool


@dataclass(frozen=True, slots=True)
class LanguageModelPlan:
    """How a port builds its language model.

    `settings` are put into the text config before; `rotation` is told the rotary
    embeddings after, where the class rotates the other way. `decoder` (module,
    class) is registered with transformers' AutoModel, for vLLM's backend to find.
    `heads_apart`: it rotates heads apart, which vLLM's CPU kernel does wrong.
    The port inherits `declares`, and asks `state_of` (module, class) for what
    these demand of it.
    """

    architecture: str
    settings: tuple[Setting, ...] = ()
    rotation: Rotation | None = None
    decoder: tuple[str, str] | None = None
    declares: tuple[str, ...] = ()
    state_of: tuple[str, str] | None = None
    heads_apart: bool = False

    @property
    def on_backend(self) -> bool:
        """Whether vLLM's Transformers backend runs it."""
        return self.architecture.startswith("Transformers")


@dataclass(frozen=True, slots=True)
class LegacyPlan:
    """What a port in vLLM's first multimodal API needs beside the components.

    `template` is the family's; `config_class` is transformers' and has the attributes
    `text_config` and `token_id`. `modality` is the key under which items are given;
    `tower` the family of the encoder. `decoder` is the attribute of the language model
    that takes embeddings. `plugin_class` is the port's own modality plugin, if it has one.
    An empty `text_config` is the config itself, whose language model is then built by its
    `text_class` (module, class), as the architecture is the port's. An empty `token_id`
    is a constant of the port. `dropped` are prefixes of weights that it has no place for.
    `own_code`: the model is of classes of its repo's own, which an engine has to trust.
    """

    template: str
    config_class: str
    text_config: str
    token_id: str
    modality: str
    tower: str
    decoder: str
    plugin_class: str = ""
    text_class: tuple[str, str] | None = None
    dropped: tuple[str, ...] = ()
    own_code: bool = False


@dataclass(frozen=True, slots=True)
class Rename:
    """A rule of the weight map: a regular expression over checkpoint names.

    Rules are applied in order, each to the result of the one before.
    """

    pattern: str
    replacement: str
    reason: str


@dataclass(frozen=True, slots=True)
class PortNames:
    """The names that the port's files are made from; each a valid identifier."""

    distribution: str
    package: str
    module: str
    class_prefix: str


@dataclass(frozen=True, slots=True)
class PortPlan:
    """Everything that generation needs besides the templates."""

    verdict: Verdict
    target: str
    era: str
    layout: Layout
    architecture: str
    names: PortNames
    components: tuple[ComponentPlan, ...]
    renames: tuple[Rename, ...]
    placeholder: str
    plain_head: bool
    """The language model's own scale or softcap of the logits is left out."""
    pipeline_parallel: bool
    """The language model can be split over pipeline stages, and so can the port."""
    lora: bool
    """The language model takes adapters, and so does the port."""
    decisions: tuple[Decision, ...]
    dropped: tuple[Dropped, ...] = ()
    changes: tuple[TensorChange, ...] = ()
    logits: Logits | None = None
    """What the port does to the logits in place of the language model."""
    language_model: LanguageModelPlan | None = None
    ties_head: bool = False
    """The checkpoint ties its head to the embeddings, and the language model's class does not."""
    items: tuple[ItemPlan, ...] = ()
    """Of a wrapped port; others have their processing in the template."""
    replaced_config: str = ""
    """The model type whose config vLLM would read by a class of its own, if it is one."""
    legacy: LegacyPlan | None = None
    """Of a port to a release with the first multimodal API."""

    def component(self, role: str) -> ComponentPlan:
        """The component that plays `role`; there is one, or none."""
        return next(part for part in self.components if part.role == role)

    @property
    def wrapped(self) -> bool:
        """Whether the port is HF's own class, cut to its encoder."""
        return self.legacy is None and self.component("encoder").strategy is Strategy.WRAP

    @property
    def model_module(self) -> str:
        """Dotted name of the model's module once the port's folder is on `sys.path`."""
        names = self.names
        return f"{names.package}.{names.module}" if self.layout == "plugin" else names.module

    @property
    def model_file(self) -> str:
        """Path of the model's module within the port."""
        return f"{self.model_module.replace('.', '/')}.py"
