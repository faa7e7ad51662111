"""The contract of vLLM's first multimodal API, 0.5.1 to 0.8.4, as data.

One entry an era says what a model file written for it must look like: where names
come from, what functions take and return, and what registering needs. Templates and
`rewrite` ask these fields, and never for a version.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal, NamedTuple

from mmport.core.jsonable import from_builtins
from mmport.vllm_api.eras import era_of, parse_release
from mmport.vllm_api.tables import merged


class Parameter(NamedTuple):
    """A parameter of a function that the release calls; no default is an empty string.

    `**` stands before the name of one that takes all other keywords.
    """

    name: str
    annotation: str
    default: str


@dataclass(frozen=True, slots=True)
class Tower:
    """A release's own image encoder.

    `layers`: it is told the feature layer when called, or how many layers to build
    (`num_hidden_layers_override`). `post_norm`: its output is normalized never,
    always, where the tower is whole, or as `require_post_norm` says. `prefix` is a keyword of
    the constructor. Without `loads_weights` its parameters are set one by one.
    """

    module: str
    class_name: str
    layers: Literal["call", "override"]
    post_norm: Literal["never", "always", "whole", "asked"]
    loads_weights: bool
    prefix: bool = False


@dataclass(frozen=True, slots=True)
class LegacyContract:
    """What one era of the first multimodal API asks of a model file."""

    python: str
    """The oldest Python that model files are written for."""
    protocol: str
    """The class of `models/interfaces.py` that the model inherits."""
    protocol_flag: str
    protocol_methods: tuple[str, ...]
    """What that class declares beside its flag."""
    pipeline_parallel: bool
    """`SupportsPP` is an interface; `forward` may return `IntermediateTensors`."""

    constructor: tuple[Parameter, ...]
    constructor_style: Literal["configs", "vllm_config"]
    """Of `vllm_config`, all parameters are keywords."""
    language_model: Literal["class", "configs", "hf_config, vllm_config", "vllm_config, hf_config"]
    """How a registered text model is built within another: by its class, or by what
    `init_vllm_registered_model` takes, in this order."""

    forward: tuple[Parameter, ...]
    """Before `**kwargs`, which has the mapper's tensors."""
    forward_returns: str
    samples: bool
    """The model class has `sample`."""
    sampler: str
    """The expression that makes a sampler; empty: the language model has one."""
    load_weights_returns: str
    loads_weights: Literal["class", "AutoWeightsLoader"]
    """Who hands weights to the parts: the class itself, or vLLM's loader."""

    mapper: tuple[Parameter, ...]
    mapper_result: str
    batching: Literal["concatenated", "stacked"]
    """What requests' tensors of equal shapes become: joined along their first dimension,
    or stacked along a new one (`flatten_bn` takes that away). Others come as a list."""
    maps_embeddings: bool
    """The default image mapper passes features of images on, as `image_embeds`."""
    mapper_processor_kwargs: bool
    """Mapper, processor and dummy factory are handed the user's `mm_processor_kwargs`."""

    dummy_factory: tuple[Parameter, ...]
    dummy_result: Literal["tuple", "DummyData"]
    sequence_data: Literal["list", "array", "from_seqs"]
    """What makes a `SequenceData` of token ids."""
    encoder_dummy_data: bool

    processor_inputs: str
    """The type of what an input processor takes and returns."""
    makes_inputs: str
    """What makes one."""
    placeholder_ranges: bool
    """Inputs and dummy data say where an item's placeholders are; `merge` may be cut there."""
    expansion_helper: str
    """vLLM's function that repeats placeholders; empty where there is none."""
    expansion_gives: int
    """How many values that returns."""

    merge: str
    merge_id: str
    """The name of its parameter for the placeholder's id."""
    merges_lists: bool
    merges_id_lists: bool

    modalities: tuple[str, ...]
    """What the registry has a plugin for."""
    limits_per_prompt: bool
    """`limit_mm_per_prompt` exists, and mappers take lists; before, a prompt has one item."""
    registrations_by_mro: bool
    """A subclass inherits what its base registered."""

    plugin_entry_points: bool
    """`vllm.general_plugins` are loaded."""
    multimodal_table: str
    """The module whose `_MULTIMODAL_MODELS` must have an out-of-tree architecture, if any."""
    registers_by_name: bool
    """`register_model` takes `"module:Class"` as well as a class."""

    towers: Mapping[str, Tower]
    """By the family of HF encoder."""
    names: Mapping[str, str]
    """The module of each name of vLLM's that a model file uses."""

    def takes(self, parameter: str) -> bool:
        """Tell whether `forward` has a parameter of that name."""
        return any(item.name == parameter for item in self.forward)

    @property
    def counts_items(self) -> bool:
        """Whether a dummy factory is told how many items to make."""
        return any(item.name == "mm_counts" for item in self.dummy_factory)


@cache
def legacy_contracts() -> dict[str, LegacyContract]:
    """All eras of the first multimodal API, oldest first, each complete."""
    text = (files("mmport.vllm_api") / "data" / "legacy_contracts.toml").read_text("utf-8")
    whole: dict[str, Any] = {}
    contracts = {}
    for era, changes in tomllib.loads(text).items():
        whole = merged(whole, changes)
        present = {key: value for key, value in whole["names"].items() if value}
        contracts[era] = from_builtins(whole | {"names": present}, LegacyContract)
    return contracts


def legacy_contract(era: str) -> LegacyContract | None:
    """Find an era's contract; None if it is an era of the API that came after."""
    return legacy_contracts().get(era)


def is_legacy(version: str) -> bool:
    """Tell whether a release of vLLM has the first multimodal API."""
    release = parse_release(version)
    era = era_of(release) if release else None
    return era is not None and era.name in legacy_contracts()
