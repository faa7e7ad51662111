"""The weight map: from the names in a checkpoint to the names in the port.

One list of rules covers what transformers 4, 4.52 and 5 saved, so that one port
loads all three:

| layout | vision tower | language model |
| --- | --- | --- |
| transformers 4 | `vision_tower.vision_model.*` | `language_model.model.*` |
| transformers 4.52 | `model.vision_tower.vision_model.*` | `model.language_model.*` |
| transformers 5 | `vision_tower.*` | `language_model.model.*` |

The rules take the `model.` level and the tower's inner level as optional apart
from each other, so mixtures of these load too.
"""

from __future__ import annotations

import re
from dataclasses import replace

from mmport.core.errors import NotPortable
from mmport.model.plan import Rename
from mmport.planning.names import is_identifier

# The attribute under which transformers 4.52 and later keep all of a VLM but its head.
_BASE = "model."


def port_path(hf_path: str) -> str:
    """Give the place of a component in the port: HF's path without the base level.

    Raises:
        NotPortable: the path is not made of identifiers.
    """
    return _attribute_path(hf_path.removeprefix(_BASE))


def _attribute_path(path: str) -> str:
    if not all(is_identifier(part) for part in path.split(".")):
        raise NotPortable(
            f"{path!r} is not an attribute path",
            "report the model: its source names a component in a way mmport cannot read",
        )
    return path


def weight_renames(
    *, encoder: str, encoder_inner: str, connector: str, language_model: str, base_prefix: str
) -> tuple[Rename, ...]:
    """Rules over checkpoint names, in order, for every layout at once.

    Args:
        encoder: path of the encoder in the port.
        encoder_inner: the level that vLLM's encoder class has and transformers 5 lacks;
            empty where there is none.
        connector: path of the connector in the port.
        language_model: path of the causal language model in the port.
        base_prefix: path of the decoder in the causal language model.
    """
    return (
        _encoder_rename(encoder, encoder_inner),
        Rename(
            rf"^(?:model\.)?{re.escape(connector)}\.",
            f"{connector}.",
            "Transformers 4.52 puts the connector below `model`.",
        ),
        Rename(
            rf"^model\.{re.escape(language_model)}\.",
            f"{language_model}.{_attribute_path(base_prefix)}.",
            "The decoder alone since 4.52; vLLM's module has the head as well.",
        ),
        Rename(
            r"^lm_head\.",
            f"{language_model}.lm_head.",
            "The head is at the top since 4.52, and part of the language model in vLLM.",
        ),
    )


def _encoder_rename(encoder: str, inner: str) -> Rename:
    if not inner:
        return Rename(
            rf"^model\.{re.escape(encoder)}\.",
            f"{encoder}.",
            "Transformers 4.52 puts the encoder below `model`.",
        )
    return Rename(
        rf"^(?:model\.)?{re.escape(encoder)}\.(?:{re.escape(inner)}\.)?",
        f"{encoder}.{inner}.",
        f"Transformers 5 drops the `{inner}` level, 4.52 puts all below `model`.",
    )


def apply_renames(renames: tuple[Rename, ...], name: str) -> str:
    """Map one checkpoint name as the port's loader does."""
    for rule in renames:
        name = re.sub(rule.pattern, rule.replacement, name)
    return name


def text_class_renames(renames: tuple[Rename, ...], language_model: str) -> tuple[Rename, ...]:
    """The rules of a port for a class that is its language model itself.

    Args:
        renames: of the port.
        language_model: where that has its language model.
    """
    below, level = f"{language_model}.", re.escape(f"{language_model}.")
    kept = (
        replace(rule, replacement=rule.replacement.removeprefix(below), reason=_OF_THE_TEXT)
        if rule.replacement.startswith(below)
        else rule
        for rule in renames
    )
    return (
        *(rule for rule in kept if rule.pattern != f"^{re.escape(rule.replacement)}"),
        Rename(f"^{level}", "", "All of the language model, before and after."),
    )


_OF_THE_TEXT = "The decoder, since transformers 4.52."
