"""Makes any config of a known family small, so that proof on it takes seconds.

What can go wrong in a port depends on how a model is put together, not on how
large it is. So what is kept: which layers' features are taken, how heads are
shared, kinds of layers, whether patches divide the image, scales and switches.
"""

from __future__ import annotations

import copy
from typing import Any

from mmport.core.errors import MalformedSource
from mmport.reference_models import text, vision
from mmport.reference_models.facts import FamilyFacts, family_of, sizes
from mmport.reference_models.resolve import resolve

Config = dict[str, Any]

_NOT_OF_TINY_WEIGHTS = ("quantization_config", "compression_config")


def shrink_config(config: Config, *, own_tokenizer: bool = False) -> Config:
    """Make a config small. Keys that are not about size are kept as they are.

    Args:
        config: a raw `config.json`; not changed.
        own_tokenizer: the repo has no tokenizer, so one is made, and vocabulary
            and special tokens become its own.

    Raises:
        NotPortable: the family or one of its parts is not known.
        MalformedSource: a value is of the wrong type or out of range.
    """
    family = family_of(config)
    whole = resolve(config, family)
    small = {
        key: copy.deepcopy(value)
        for key, value in config.items()
        if key not in _NOT_OF_TINY_WEIGHTS
    }
    small_text = text.shrink(config.get(family.parts.text) or {}, whole.text)
    small[family.parts.text] = small_text
    small[family.parts.vision], layers = vision.shrink(
        config.get(family.parts.vision) or {},
        whole.vision,
        layers=whole.feature_layers,
        text_width=small_text[whole.text.key("hidden_size")],
    )
    _set_features(small, family, layers, whole.vision.values)
    if own_tokenizer:
        _set_vocabulary(small, family, whole.text.values)
    return small


def _set_features(
    small: Config, family: FamilyFacts, layers: int | list[int], before: Config
) -> None:
    """Move the feature layers; keep how many tokens more than its grid an image has."""
    small[family.features.layers] = layers
    tokens = small.get(family.features.tokens)
    if tokens is not None:
        if not isinstance(tokens, int):
            raise MalformedSource(
                f"{family.features.tokens} is not a number: {tokens!r}", "mend config.json"
            )
        more = tokens - (before["image_size"] // before["patch_size"]) ** 2
        grid = sizes().vision.grid ** 2
        small[family.features.tokens] = grid + (more if more in (0, 1) else 0)


def _set_vocabulary(small: Config, family: FamilyFacts, before: Config) -> None:
    """Point every id at the tokenizer that will be made."""
    own = sizes().vocabulary
    parts = (small, small[family.parts.text])
    for part in parts:
        if "vocab_size" in part:
            part["vocab_size"] = own.size
        for key in [key for key in part if key.endswith("_token_id")]:
            part[key] = _own_id(key, part[key])
    small_text = small[family.parts.text]
    small_text["vocab_size"] = own.size
    for key in ("bos_token_id", "eos_token_id", "pad_token_id"):
        if before.get(key) is not None:
            small_text[key] = _own_id(key, before[key])
    present = [key for key in family.placeholder.ids if key in small]
    for key in present or family.placeholder.ids[:1]:
        small[key] = own.placeholder_id


def _own_id(key: str, value: object) -> object:
    """Give the made tokenizer's id for a special token; one it lacks becomes 0."""
    own = sizes().vocabulary
    if value is None:
        return None
    mapped = {name: getattr(own, name) for name in ("bos_token_id", "eos_token_id", "pad_token_id")}
    new = mapped.get(key, 0)
    return [new] if isinstance(value, list) else new
