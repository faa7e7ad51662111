"""The data files of this package, typed."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from mmport.core.errors import NotPortable
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
class VisionSizes:
    """Sizes of a shrunk encoder, in channels; `patch_size` in pixels, `grid` in patches."""

    hidden_size: int
    hidden_size_if_square: int
    num_attention_heads: int
    patch_size: int
    grid: int
    fixed: dict[str, int]


@dataclass(frozen=True, slots=True)
class LayerKeys:
    """Keys that follow the layers: a regular expression, and names."""

    lists: str
    indices: tuple[str, ...]
    boundaries: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RotaryKeys:
    """Keys that follow the rotary size."""

    factor_lists: tuple[str, ...]
    sections: tuple[str, ...]
    fraction_keys: tuple[str, ...]
    size_keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The tokenizer that is made where a repo has none.

    `trained` tokens, the placeholder and padding; `size` rows of embeddings.
    """

    size: int
    trained: int
    bos_token_id: int
    eos_token_id: int
    pad_token_id: int
    placeholder_id: int


@dataclass(frozen=True, slots=True)
class Sizes:
    """The content of `sizes.toml`."""

    text: TextSizes
    vision: VisionSizes
    layers: LayerKeys
    rotary: RotaryKeys
    vocabulary: Vocabulary


@dataclass(frozen=True, slots=True)
class Parts:
    """The keys of the sub-configs."""

    text: str
    vision: str


@dataclass(frozen=True, slots=True)
class FeatureKeys:
    """The keys that depend on the encoder's layers and grid."""

    layers: str
    tokens: str


@dataclass(frozen=True, slots=True)
class PlaceholderFacts:
    """The keys of the placeholder's id, the preferred one first, and its token."""

    ids: tuple[str, ...]
    token: str


@dataclass(frozen=True, slots=True)
class ProcessorRecipe:
    """The family's processor; in settings a string `$key` stands for that key of the config."""

    class_name: str
    settings: dict[str, Any]


@dataclass(frozen=True, slots=True)
class WeightFacts:
    """The encoder's attribute."""

    encoder: str


@dataclass(frozen=True, slots=True)
class FamilyFacts:
    """One file of `families/`.

    `layouts` has, for each key layout, the renames (pattern, replacement) that
    lead there from the tensor names that transformers saves; `$inner` in them
    stands for the level in the encoder that transformers 5 dropped.
    """

    model_types: tuple[str, ...]
    parts: Parts
    features: FeatureKeys
    placeholder: PlaceholderFacts
    processor: ProcessorRecipe
    weights: WeightFacts
    layouts: dict[str, tuple[tuple[str, str], ...]]


@cache
def sizes() -> Sizes:
    """Read `sizes.toml`."""
    return from_builtins(_read(_FOLDER / "sizes.toml"), Sizes)


@cache
def families() -> tuple[FamilyFacts, ...]:
    """Read every file of `families/`."""
    return tuple(
        from_builtins(_read(path), FamilyFacts)
        for path in sorted((_FOLDER / "families").glob("*.toml"))
    )


def family_of(config: dict[str, Any]) -> FamilyFacts:
    """Find the family that a config belongs to.

    Raises:
        NotPortable: there are no facts about its model type.
    """
    model_type = config.get("model_type")
    for family in families():
        if model_type in family.model_types:
            return family
    known = ", ".join(name for family in families() for name in family.model_types)
    raise NotPortable(
        f"no tiny model can be made of model type {model_type!r}",
        f"known are: {known}; verify with the real weights instead (without --tiny)",
    )


def _read(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text(encoding="utf-8"))
