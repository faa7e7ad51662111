"""Makes any config small, so that proof on it takes seconds.

What can go wrong in a port depends on how a model is put together, not on how
large it is. So what is kept: which layers' features are taken, how heads are
shared, kinds of layers, whether patches divide the image, scales and switches.
"""

from __future__ import annotations

import ast
import copy
from typing import Any

from mmport.core.errors import MalformedSource
from mmport.reference_models import encoder, text
from mmport.reference_models.facts import FamilyFacts, sizes, text_sizes
from mmport.reference_models.resolve import Part, Resolved, resolve
from mmport.reference_models.rotary import stretched
from mmport.reference_models.tokens import SpecialTokens, find_tokens, token_keys

Config = dict[str, Any]

_NOT_OF_TINY_WEIGHTS = ("quantization_config", "compression_config")
_ABSENT = object()


def shrink_config(
    config: Config,
    family: FamilyFacts,
    *,
    own_tokenizer: bool = False,
    own_processor: ast.Module | None = None,
    old: bool = False,
) -> tuple[Config, SpecialTokens]:
    """Make a config small. Keys that are not about size are kept as they are.

    Args:
        config: a raw `config.json`; not changed.
        family: what is particular about it; its own values are set last.
        own_tokenizer: the repo has no tokenizer, so one is made, and vocabulary
            and special tokens become its own.
        own_processor: the source of the repo's own processor, if it brings one.
        old: it is for an old engine, which asks for larger heads.

    Returns:
        The small config, and the special tokens that its family needs.

    Raises:
        NotPortable: the model type of the config or of a part is not known.
        MalformedSource: a value is of the wrong type or out of range.
    """
    before = resolve(config)
    small = {
        key: copy.deepcopy(value)
        for key, value in config.items()
        if key not in _NOT_OF_TINY_WEIGHTS
    }
    aim = text_sizes(old=old)
    _put(small, before.text, text.shrink(_raw(small, before.text), before.text, aim))
    _shrink_others(small, before)
    parts = (before.whole, before.text, *before.others)
    tokens = find_tokens(family, [part.values for part in parts], own_processor)
    if own_tokenizer:
        _set_vocabulary(small, parts, tokens)
    usual = text_sizes(old=False).head_dim
    for path, value in family.config.items():
        _set(small, path, stretched(value, usual=usual, head=aim.head_dim))
    for path, token in family.tokens.ids.items() if own_tokenizer else ():
        _set(small, path, tokens.ids[token])
    for path, several in family.tokens.lists.items() if own_tokenizer else ():
        _set(small, path, [tokens.ids[token] for token in several])
    for path in family.tokens.maps if own_tokenizer else ():
        _set(small, path, tokens.ids)
    return small, tokens


def fill_in(value: Any, whole: Resolved) -> Any:
    """Replace each string `$path` by what the config has there."""
    if isinstance(value, dict):
        return {key: fill_in(item, whole) for key, item in value.items()}
    if isinstance(value, list):
        return [fill_in(item, whole) for item in value]
    if isinstance(value, str) and value.startswith("$"):
        return whole.lookup(value[1:])
    return value


def _raw(config: Config, part: Part) -> Config:
    """Give a part as the repo has it; one that it leaves out starts with its type."""
    if not part.path:
        return config
    value: Any = config
    for key in part.path.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    if isinstance(value, dict):
        return value
    return {"model_type": part.model_type} if part.model_type else {}


def _put(config: Config, part: Part, small: Config) -> None:
    if part.path:
        _set(config, part.path, small)
    else:
        config.update(small)


def _set(config: Config, path: str, value: Any) -> None:
    *above, key = path.split(".")
    for name in above:
        if not isinstance(config.get(name), dict):
            config[name] = {}  # a part that is left out may be written as null
        config = config[name]
    config[key] = copy.deepcopy(value)


def _shrink_others(small: Config, before: Resolved) -> None:
    """Shrink the encoders and what lies between them and the language model."""
    whole = before.whole.values
    layers_key = next((key for key in sizes().features.layers if whole.get(key) is not None), None)
    layers = whole[layers_key] if layers_key else -1
    text_width = _raw(small, before.text)[before.text.key("hidden_size")]
    widths = {"text": (before.text.number("hidden_size"), text_width)}
    vision = before.vision
    for part in sorted(before.others, key=lambda part: part is not vision):
        is_vision = part is vision
        around = encoder.Surroundings(widths, layers if is_vision else -1)
        shrunk, moved = encoder.shrink(_raw(small, part), part, around)
        _put(small, part, shrunk)
        if is_vision:
            width = shrunk.get(part.key("hidden_size"))
            widths["vision"] = (part.get("hidden_size") or 0, width or 0)
            if layers_key:
                small[layers_key] = moved
            _follow_grid(small, whole, part, shrunk)
    if before.text is not before.whole:
        _follow_widths(small, whole, widths)


def _follow_widths(small: Config, whole: Config, widths: dict[str, tuple[int, int]]) -> None:
    """Set the sizes that stand beside the parts."""
    keys = sizes().features
    for key, size in keys.fixed.items():
        if isinstance(whole.get(key), int):
            small[key] = size
    for key, other in keys.links.items():
        wide, width = widths.get(other, (0, 0))
        if wide and whole.get(key) == wide:
            small[key] = width


def _follow_grid(small: Config, whole: Config, part: Part, shrunk: Config) -> None:
    """Follow the encoder's grid with what counts its tokens or pixels."""
    image, patch, side = (
        encoder.first(values.get(key))
        for values, key in (
            (part.values, "image_size"),
            (part.values, "patch_size"),
            (shrunk, "image_size"),
        )
    )
    if not (isinstance(image, int) and isinstance(patch, int) and isinstance(side, int)):
        return
    for key in sizes().features.tokens:
        tokens = whole.get(key)
        if tokens is None:
            continue
        if not isinstance(tokens, int):
            raise MalformedSource(f"{key} is not a number: {tokens!r}", "mend config.json")
        small[key] = _small_count(tokens, (image // patch) ** 2, (side // patch) ** 2)
    for key in sizes().features.pixels:
        if whole.get(key):
            small[key] = [
                [side * max(1, number // image) for number in pair] for pair in whole[key]
            ]


def _small_count(tokens: int, patches: int, left: int) -> int:
    """How many tokens an image becomes with `left` patches: as many more, or the same share."""
    more = tokens - patches
    return left + more if more in (0, 1) else max(1, tokens * left // patches)


def _set_vocabulary(small: Config, parts: tuple[Part, ...], tokens: SpecialTokens) -> None:
    """Point every id at the tokenizer that will be made."""
    own, ids = sizes().vocabulary, tokens.ids
    ordinary = {
        "bos_token_id": own.bos_token_id,
        "eos_token_id": own.eos_token_id,
        "pad_token_id": ids["<pad>"],
    }
    for part in parts:
        # A config that left its language model out has said all that there is to say of it.
        raw = _raw(small, part)
        is_text = part is parts[1]
        same = raw.get("vocab_size") == parts[1].values.get("vocab_size", _ABSENT)
        if is_text or same or (not part.path and "vocab_size" in raw):
            raw["vocab_size"] = tokens.rows
        for key, value in part.values.items():
            if is_text and "vocab_size" in key and value == part.values.get("vocab_size"):
                raw[key] = tokens.rows  # as many rows in another table of embeddings
            if key in ordinary and value is not None and (is_text or key in raw):
                raw[key] = [ordinary[key]] if isinstance(value, list) else ordinary[key]
        said = token_keys(raw)
        unsaid = {
            key: name for key, name in token_keys(part.values).items() if name not in said.values()
        }
        for key, name in (said | unsaid).items():
            token = tokens.named(name)
            if token is not None:
                raw[key] = ids[token]
        _put(small, part, raw)
