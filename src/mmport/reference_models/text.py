"""Shrinks a language model's config."""

from __future__ import annotations

import copy
import re
from typing import Any

from mmport.inspection import hf_library
from mmport.reference_models import layers
from mmport.reference_models.facts import TextSizes, sizes
from mmport.reference_models.resolve import Part
from mmport.reference_models.rotary import fit_rotary

Config = dict[str, Any]

_FEW = 8
"""A list of more entries than this that is as long as there are layers has one for each."""


def shrink(raw: Config, part: Part, aim: TextSizes) -> Config:
    """Make a language model's config small.

    Args:
        raw: as the repo has it, perhaps with little in it.
        part: the same with defaults.
        aim: how small.

    Raises:
        MalformedSource: a size is not a positive number.
    """
    small = copy.deepcopy(raw)
    small.pop("quantization_config", None)
    if part.values.get("rope_parameters") and not {"rope_parameters", "rope_scaling"} & raw.keys():
        small["rope_parameters"] = copy.deepcopy(part.values["rope_parameters"])
    _set_width(small, part, aim)
    _set_feed_forward(small, part, aim)
    _take_out_layers(small, part, aim)
    return small


def _set_width(small: Config, part: Part, aim: TextSizes) -> None:
    """Set hidden size and heads; keep how the heads' sum compares with the hidden size."""
    hidden, heads = part.number("hidden_size"), part.number("num_attention_heads")
    plain = hidden // heads
    before = part.number("head_dim") if part.get("head_dim") else plain
    head_dim = aim.head_dim_if_large if before * heads > hidden else aim.head_dim
    wide = before * heads < hidden and before != plain
    small[part.key("hidden_size")] = aim.hidden_size_if_wide if wide else aim.hidden_size
    small[part.key("num_attention_heads")] = aim.num_attention_heads
    if small.get("head_dim") is not None or before != plain or not _derives_head(part):
        small[part.key("head_dim")] = head_dim
    if part.get("num_key_value_heads") is not None:
        shared = _shared_heads(heads, part.number("num_key_value_heads"), aim)
        small[part.key("num_key_value_heads")] = shared
    fit_rotary(small, part.values, before=before, after=head_dim)


def _derives_head(part: Part) -> bool:
    """Tell whether the config class follows the other sizes with its head size."""
    if part.get("head_dim") is None:
        return True
    heads = part.number("num_attention_heads")
    other = {part.key("hidden_size"): heads * 32, part.key("num_attention_heads"): heads}
    return getattr(hf_library.build_config(part.model_type, other), "head_dim", None) == 32


def _shared_heads(heads: int, shared: int, aim: TextSizes) -> int:
    """Keep the kind of sharing: every head its own, groups, or one for all."""
    if shared == heads:
        return aim.num_attention_heads
    return 1 if shared == 1 else aim.num_key_value_heads


def _set_feed_forward(small: Config, part: Part, aim: TextSizes) -> None:
    for role, size in (aim.fixed | aim.at_most).items():
        before = part.get(role)
        if isinstance(before, int) and not isinstance(before, bool):
            small[part.key(role)] = min(size, before) if role in aim.at_most else size
        elif isinstance(before, list):
            small[part.key(role)] = [size] * len(before)
    # OPT's embeddings are projected where they are not as wide as the layers.
    width = part.get("word_embed_proj_dim")
    if width is not None:
        hidden = small[part.key("hidden_size")]
        small["word_embed_proj_dim"] = hidden if width == part.get("hidden_size") else hidden // 2


def _take_out_layers(small: Config, part: Part, aim: TextSizes) -> None:
    keys = sizes().layers
    total = part.layers
    lists = {
        key: value
        for key, value in part.values.items()
        if isinstance(value, list)
        and len(value) == total
        and (total > _FEW or re.search(keys.lists, key))
    }
    boundaries = {
        key: part.values[key]
        for key in keys.boundaries
        if isinstance(part.values.get(key), int) and not isinstance(part.values[key], bool)
    }
    members = {key: set(part.values[key]) for key in keys.indices if part.values.get(key)}
    for key in members:
        lists.pop(key, None)
    kinds = [[layer in some for layer in range(total)] for some in members.values()]
    kept = layers.choose(
        total,
        aim.num_hidden_layers,
        [*lists.values(), *kinds],
        list(boundaries.values()),
    )
    if part.get("num_hidden_layers") is not None:
        small[part.key("num_hidden_layers")] = len(kept)
    for key, entries in lists.items():
        mixed = any(entry != entries[0] for entry in entries)
        if mixed or isinstance(small.get(key), list):
            source = small[key] if isinstance(small.get(key), list) else entries
            small[key] = [source[layer] for layer in kept]
    for key, at in boundaries.items():
        small[key] = sum(layer < at for layer in kept)
    for key in keys.tables:
        table = part.values.get(key)
        if isinstance(table, dict):
            small[key] = _shrink_table(
                {int(layer): at for layer, at in table.items()}, small, part, kept
            )
    for key, some in members.items():
        small[key] = [new for new, layer in enumerate(kept) if layer in some]


def _shrink_table(
    table: dict[int, Config], small: Config, part: Part, kept: list[int]
) -> dict[str, Config]:
    """Keep the settings of the layers that stay; their sizes keep their share of the model's."""

    def fit(key: str, value: Any) -> Any:
        own, new = part.values.get(key), small.get(key)
        are_sizes = all(type(size) is int and size > 0 for size in (value, own, new))
        return max(1, value * new // own) if are_sizes else value

    return {
        str(new): {key: fit(key, value) for key, value in table[layer].items()}
        for new, layer in enumerate(kept)
        if layer in table
    }
