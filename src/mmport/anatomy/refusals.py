"""Models that no port is made of, by what their classes do with an image instead."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from typing import Any

from mmport.anatomy.classes import ModelClass
from mmport.core.errors import TRY_BACKEND, NotPortable

_CODES = re.compile(r"VQ(VAE|GAN|Model)")
_CROSS = re.compile(r"Cross_?Attention")
_ASIDE = re.compile(r"QFormer|Perceiver|Resampler|Vision|Audio")
"""What looks at an image across, too, and is no part of a language model."""
_DEPTH = 4


def exact_refusal(top: ModelClass, config: Mapping[str, Any]) -> NotPortable | None:
    """Say what keeps a model from being ported, and what it would need.

    Args:
        top: the model's class, which could not be read as one that merges features
            with the embeddings of its text.
        config: its values, defaults filled in.

    Returns:
        None where it is nothing that is known here.
    """
    told = _encoder_decoder(top, config) or _codes(top) or _cross_attention(top)
    return NotPortable(told, TRY_BACKEND) if told else None


def _encoder_decoder(top: ModelClass, config: Mapping[str, Any]) -> str:
    text = config.get("text_config")
    if not config.get("is_encoder_decoder") and not (
        isinstance(text, dict) and text.get("is_encoder_decoder")
    ):
        return ""
    return (
        f"{top.name} is an encoder-decoder: an encoder reads its image and prompt, and the "
        "language model looks at what comes of that by cross-attention; a port would need a text "
        "class of vLLM that does so, and a cache for it"
    )


def _codes(top: ModelClass) -> str:
    found = next((one for one in _parts(top) if _CODES.search(one)), "")
    if not found:
        return ""
    return (
        f"{top.name} turns an image into tokens of its own vocabulary ({found}), as it does to "
        "generate images; a port puts features in the place of tokens, and would need a text "
        "class of vLLM that embeds those, and an engine that decodes them to an image"
    )


def _cross_attention(top: ModelClass) -> str:
    layers = (one for one in _parts(top) if _CROSS.search(one) and not _ASIDE.search(one))
    found = next(layers, "")
    if not found:
        return ""
    return (
        f"the language model of {top.name} looks at an image by cross-attention ({found}), beside "
        "its tokens and not among them; a port would need a text class of vLLM with such layers, "
        "and a cache for what they look at"
    )


def _parts(model: ModelClass, depth: int = _DEPTH) -> Iterator[str]:
    """Name the classes that a class makes instances of, and these in turn."""
    calls = (part for init in model.every("__init__") for part in ast.walk(init.node))
    for inner in map(model.built, (part for part in calls if isinstance(part, ast.Call))):
        if inner is not None:
            yield inner.name
            if depth:
                yield from _parts(inner, depth - 1)
