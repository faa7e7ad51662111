"""transformers 5 gives a config no ids of special tokens that it does not define."""

from __future__ import annotations

import ast

from mmport.codemods.migrate.codemod import Codemod, Edits
from mmport.codemods.migrate.reading import Reading
from mmport.usage.walking import walk

_IDS = ("pad_token_id", "bos_token_id", "eos_token_id", "sep_token_id", "decoder_start_token_id")
_CONFIGS = ("config", "hf_config")


def _apply(reading: Reading) -> Edits:
    edits = Edits()
    for item in reading.heirs("SupportsMultiModal"):
        for node in walk(item.node):
            match node:
                case ast.Attribute(value=owner, attr=attr, ctx=ast.Load()) if attr in _IDS:
                    if _is_whole_config(owner):
                        code = f'getattr({reading.code(owner)}, "{attr}", None)'
                        edits.put(*reading.span(node), code)
    return edits


def _is_whole_config(node: ast.expr) -> bool:
    """Tell a model's own config, whose text model has the ids, if any has."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name in _CONFIGS
    return False


CODEMOD = Codemod(
    id="config-token-ids",
    summary="Special tokens that a model's config may not name are asked for with a default",
    since="0.19.0",
    instead='getattr(config, "pad_token_id", None)',
    reference="transformers 5: PreTrainedConfig",
    risk="safe",
    apply=_apply,
    serves="",
)
