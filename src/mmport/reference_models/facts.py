"""The data files of this package, typed."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from mmport.core.jsonable import from_builtins

_FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class TextSizes:
    """Sizes of a shrunk language model; the file says why these."""

    hidden_size: int
    hidden_size_if_wide: int
    num_attention_heads: int
    num_key_value_heads: int
    head_dim: int
    head_dim_if_large: int
    num_hidden_layers: int
    fixed: dict[str, int]
    at_most: dict[str, int]


@dataclass(frozen=True, slots=True)
class EncoderSizes:
    """Sizes of any other part: encoder, connector, resampler.

    `grids` gives the patches a side for each divisor of the original grid.
    `layers` are the keys that count layers, `indices` a regular expression for
    keys that name some, `links` the keys that say how wide another part is.
    """

    hidden_size: int
    hidden_size_if_square: int
    grids: dict[str, int]
    layers: tuple[str, ...]
    indices: str
    fixed: dict[str, int]
    at_most: dict[str, int]
    links: dict[str, str]


@dataclass(frozen=True, slots=True)
class LayerKeys:
    """Keys that follow the layers: a regular expression, and names.

    `tables` map a layer to what is other there than in the rest of the model.
    """

    lists: str
    indices: tuple[str, ...]
    boundaries: tuple[str, ...]
    tables: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RotaryKeys:
    """Keys that follow the rotary size."""

    factor_lists: tuple[str, ...]
    sections: tuple[str, ...]
    fraction_keys: tuple[str, ...]
    size_keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FeatureKeys:
    """Keys beside the parts, most of which depend on the encoder's layers and grid.

    `fixed` are sizes of their own; `links` say of a key whose width it is, if it
    was as wide.
    """

    layers: tuple[str, ...]
    fixed: dict[str, int]
    links: dict[str, str]
    tokens: tuple[str, ...]
    pixels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The tokenizer that is made where a repo has none.

    `trained` tokens, then the special ones, padding last; rows of embeddings in
    steps of `rows`.
    """

    trained: int
    rows: int
    bos_token_id: int
    eos_token_id: int


@dataclass(frozen=True, slots=True)
class Sizes:
    """The content of `sizes.toml`; `old_text` has what is other on old engines."""

    text: TextSizes
    old_text: dict[str, int]
    encoder: EncoderSizes
    layers: LayerKeys
    rotary: RotaryKeys
    features: FeatureKeys
    vocabulary: Vocabulary


@dataclass(frozen=True, slots=True)
class TokenFacts:
    """Special tokens beyond those that the processor's source names.

    `attributes` are the tokenizer's (`image_token`), `ids` the config's keys
    (dotted) with the token each one is the id of, `others` tokens of no name,
    `words` tokens that are not special. `first` are some of the special ones whose
    ids must come first, in that order. `maps` are the config's keys that hold
    the ids of all of them by token, `lists` those that hold the ids of several.
    `begins` is false where the tokenizer leaves the beginning of text to others
    although the config has a token for it.
    """

    attributes: dict[str, str] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)
    others: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    first: tuple[str, ...] = ()
    maps: tuple[str, ...] = ()
    lists: dict[str, tuple[str, ...]] = field(default_factory=dict)
    begins: bool = True


@dataclass(frozen=True, slots=True)
class ProcessorFacts:
    """The processor, where it is not what transformers maps to the model type.

    `arguments` are its own; `components` the settings of its parts by attribute,
    in which `class_name` names another class. A string `$key` stands for the
    shrunk config's value, dotted into its parts.
    """

    class_name: str = ""
    arguments: dict[str, Any] = field(default_factory=dict)
    components: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ItemFacts:
    """One modality: what a user writes for an item, and a typical item.

    Sizes of 0 are chosen to suit the encoder. `most_items` is how many a prompt
    may have, `tokens` an upper bound of what an item becomes.
    """

    prompt: str | None = None
    vllm_prompt: str | None = None
    most_items: int = 3
    width: int = 0
    height: int = 0
    frames: int = 4
    seconds: float = 2.0
    rate: int = 16000
    tokens: int = 0


@dataclass(frozen=True, slots=True)
class Variant:
    """Another make of the same family: key layout, changes of the config.

    `config` is changed before it is shrunk; `small` holds values by dotted path
    that are set after, over those of the family.
    """

    description: str
    layout: str | None = None
    config: dict[str, Any] = field(default_factory=dict)
    small: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FamilyFacts:
    """One file of `families/`: what a family needs beyond the general rules.

    `config` holds values by dotted path, set after shrinking. `auto_class`
    names the class of transformers that loads it where the auto mappings do
    not. `dtype` is the only one that it runs in. `layouts` has, for each key
    layout, the renames (pattern, replacement) that lead there from the tensor
    names that transformers saves; `$inner` in them stands for the level in the
    encoder that transformers 5 dropped. `encoder` is that encoder's attribute.
    `transposed` has patterns of the new names whose last two dimensions a layout exchanges.
    """

    model_types: tuple[str, ...]
    why: str = ""
    modalities: tuple[str, ...] = ()
    auto_class: str = ""
    dtype: str = ""
    question: str = "USER: {items}\nWhat is shown in this image?\nASSISTANT:"
    encoder: str = ""
    config: dict[str, Any] = field(default_factory=dict)
    tokens: TokenFacts = TokenFacts()
    processor: ProcessorFacts = ProcessorFacts()
    call: dict[str, Any] = field(default_factory=dict)
    items: dict[str, ItemFacts] = field(default_factory=dict)
    demands: dict[str, float] = field(default_factory=dict)
    layouts: dict[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    transposed: dict[str, tuple[str, ...]] = field(default_factory=dict)
    variants: dict[str, Variant] = field(default_factory=dict)


@cache
def sizes() -> Sizes:
    """Read `sizes.toml`."""
    return from_builtins(_read(_FOLDER / "sizes.toml"), Sizes)


@cache
def text_sizes(*, old: bool) -> TextSizes:
    """How small a language model becomes, for an old engine or for any other."""
    changes: dict[str, Any] = dict(sizes().old_text) if old else {}
    return replace(sizes().text, **changes)


@cache
def old_files() -> dict[str, Any]:
    """Read `old_files.toml`."""
    return _read(_FOLDER / "old_files.toml")


@cache
def families() -> tuple[FamilyFacts, ...]:
    """Read every file of `families/`."""
    return tuple(
        from_builtins(_read(path), FamilyFacts)
        for path in sorted((_FOLDER / "families").glob("*.toml"))
    )


@cache
def model_types() -> tuple[str, ...]:
    """Read `model_types.toml`."""
    return tuple(_read(_FOLDER / "model_types.toml")["model_types"])


def family_of(model_type: str) -> FamilyFacts:
    """Find the facts about a model type; one without any needs none."""
    for family in families():
        if model_type in family.model_types:
            return family
    return FamilyFacts(model_types=(model_type,))


def _read(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text(encoding="utf-8"))
