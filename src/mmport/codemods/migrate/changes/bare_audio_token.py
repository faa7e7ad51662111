"""HF's processor puts nothing around a recording's tokens: the prompt has its start and end."""

from __future__ import annotations

import ast
import re

from mmport.codemods.migrate.codemod import Codemod, Edits
from mmport.codemods.migrate.reading import Reading
from mmport.usage.walking import walk

_START, _END = re.compile(r"^audio_bos(_token)?_id$"), re.compile(r"^audio_eos(_token)?_id$")


def _apply(reading: Reading) -> Edits:
    edits = Edits()
    for item in reading.heirs("BaseMultiModalProcessor"):
        updates = item.methods.get("_get_prompt_updates")
        for node in walk(updates) if updates is not None else ():
            match node:
                case ast.BinOp(
                    left=ast.BinOp(left=first, op=ast.Add(), right=middle),
                    op=ast.Add(),
                    right=last,
                ) if _is_one(first, _START) and _is_one(last, _END):
                    edits.put(*reading.span(node), reading.code(middle))
    return edits


def _is_one(node: ast.expr, name: re.Pattern[str]) -> bool:
    """Tell a list of one id."""
    match node:
        case ast.List(elts=[ast.Name(id=found) | ast.Attribute(attr=found)]):
            return bool(name.match(found))
    return False


CODEMOD = Codemod(
    id="bare-audio-token",
    summary="A recording's tokens are put in alone: the prompt has what is around them",
    since="0.29.0",
    instead="the audio tokens, without audio_bos and audio_eos",
    reference="transformers 5: Qwen2AudioProcessor",
    risk="review",
    apply=_apply,
)
