"""The contract of vLLM's multimodal API from 0.8.5 on, as data.

One entry a release that changed something says what a model file written for it must
look like: where names come from, what methods are called and take, and what a class has
to say of itself. Templates ask these fields, and never for a version. What came before
is in `legacy`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from mmport.core.jsonable import from_builtins
from mmport.vllm_api.eras import ERAS, era_of, parse_release
from mmport.vllm_api.tables import merged


@dataclass(frozen=True, slots=True)
class Contract:
    """What one release, and those after it until the next entry, ask of a model file."""

    embeds_items: str
    """The method that vLLM asks for the features of items."""
    no_features: Literal["None", "[]"]
    """What that gives where there are no items."""
    embeds_text: str
    """The method that makes embeddings of ids, of the port and of text classes."""
    merges_embeddings: bool
    """The port inherits that method, and with it the merging of features."""
    foreign_ids: Literal["clamped", "argument", "configured"]
    """How ids beyond the vocabulary are kept from the embeddings: by the port itself, by
    an argument of the method it inherits, or by what its constructor says."""
    forward_embeds: bool
    """Engines without the V1 runner call `forward` with ids and the tensors of items."""
    ids_optional: bool
    """`forward` may be called without ids."""
    samples_with_metadata: bool
    """`compute_logits` is given how to sample."""

    placeholder_str: bool
    """vLLM asks the class what stands for an item in a chat."""
    asks_language_model: bool
    """`get_language_model` has no default."""
    marks_parts: bool
    """Tower and language model are built under `_mark_…_model`."""
    tower_configured: bool
    """vLLM's towers take the multimodal config."""
    tower_selects: bool
    """vLLM's towers take the feature layers and the selection as arguments; before, the
    layers alone, as `feature_sample_layers`."""

    batching: Literal["requests", "flag", "items"]
    """What tensors of items come as: with a leading dimension of requests, without it where
    the class has a flag, or always without."""
    item_kwargs: Literal["batch", "items"]
    """How a processed tensor is found: by name and item, or by modality, item and name."""
    keeps_on_cpu: Literal["", "class", "field"]
    """Who says which tensors stay on the CPU; empty where none do."""

    hf_call: Literal["prompt", "prompt, options", "main", "data"]
    """Where a class has its items processed by itself: in a hook that is given the prompt,
    and the tokenizer's options too; in the method around it; or in a hook for items alone."""
    data_parser: Literal["processor", "info"]
    """Whose method makes the parser of items."""
    parses_nothing: bool
    """The parser of items is given empty lists too, of which no feature can be looked at."""
    video_metadata: Literal["given", "dropped", "kept"]
    """What the parser of items does with what is known of a video: nothing, as it stays with
    the frames; take it away from them; or keep it beside them."""
    features_may_miss: bool
    """The parser is told whether features may be left out."""
    merged_options: bool
    """The options of the HF processor can be asked for."""
    postprocesses_prompts: bool
    """A class may change a prompt before placeholders are looked for."""

    positions: Literal["vllm", "arguments", "features"]
    """Who computes multimodal rotary positions: vLLM, by the model type; or the class, given
    what vLLM picked out of the tensors, or the features' places with all tensors."""
    transformers: int
    """The major release of transformers beside it."""
    unknown_position_inputs: tuple[str, ...]
    """What that transformers' functions of positions do not take."""

    dummy_options: str
    """The annotation of that parameter of `get_dummy_mm_data`; empty where there is none."""
    max_tokens: str
    """The method that tells vLLM how many tokens an item is at most, if there is one."""

    adapter_counts: Literal["", "encoder", "both"]
    """How adapters of the tower learn of how many tokens it runs over."""
    adapter_flag: bool
    """The class says whether its tower takes adapters."""

    maps_by_regex: bool
    """`WeightsMapper` takes regular expressions."""

    names: Mapping[str, str]
    """The module of each name of vLLM's that does not stand in one place in all releases."""

    @property
    def dummy_options_required(self) -> bool:
        """Whether `get_dummy_mm_data` is always given options."""
        return bool(self.dummy_options) and not self.dummy_options.endswith("= None")

    @property
    def takes_grafts(self) -> bool:
        """Whether what `rewrite` puts into a text class is what this release asks."""
        return self.merges_embeddings and self.marks_parts and self.foreign_ids == "configured"


@dataclass(frozen=True, slots=True)
class Span:
    """The releases that one contract holds for: from `first` up to and without `after`."""

    first: str
    after: str
    contract: Contract

    @property
    def words(self) -> str:
        """The first and the last of them, by their minor where no patch was skipped."""
        _, minor, patch = parse_release(self.after) or (0, 0, 0)
        first = self.first.removesuffix(".0")
        last = f"0.{minor}.{patch - 1}" if patch else f"0.{minor - 1}"
        same = first == last or first.startswith(f"{last}.")
        return first if same else f"{first} to {last}"

    @property
    def requirement(self) -> str:
        """What an installer is told to take."""
        return f">={self.first.removesuffix('.0')},<{self.after.removesuffix('.0')}"


@cache
def spans() -> tuple[Span, ...]:
    """All contracts of the current API, oldest first, each complete."""
    text = (files("mmport.vllm_api") / "data" / "contracts.toml").read_text("utf-8")
    entries = tomllib.loads(text)
    _, last, _ = ERAS[-1].last
    after = [*list(entries)[1:], f"0.{last + 1}.0"]
    whole: dict[str, Any] = {}
    made = []
    for (first, changes), next_one in zip(entries.items(), after, strict=True):
        whole = merged(whole, changes)
        present = {key: value for key, value in whole["names"].items() if value}
        contract = from_builtins(whole | {"names": present}, Contract)
        made.append(Span(first, next_one, contract))
    return tuple(made)


def span_of(version: str) -> Span | None:
    """Find the releases around `version` that ask the same; None where that is another API."""
    release = parse_release(version)
    if release is None or era_of(release) is None:
        return None
    found = (one for one in reversed(spans()) if (parse_release(one.first) or release) <= release)
    return next(found, None)


def contract_of(version: str) -> Contract | None:
    """Find what a release asks of a model file; None if it has the first multimodal API."""
    span = span_of(version)
    return span.contract if span else None
