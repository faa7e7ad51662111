"""HF's processor puts frames in the place of the video's token, and leaves what is around it."""

from __future__ import annotations

import ast
import re

from mmport.codemods.migrate.codemod import Codemod, Edits
from mmport.codemods.migrate.reading import Reading

_WRAPPED = re.compile(r"<\|vision_start\|>(<\|video_pad\|>)<\|vision_end\|>")


def _apply(reading: Reading) -> Edits:
    edits = Edits()
    for call in reading.file.calls:
        match call.func:
            case ast.Name(id="PromptReplacement"):
                given = {one.arg: one.value for one in call.keywords if one.arg}
                target = given.get("target")
                if _is(given.get("modality"), "video") and isinstance(target, ast.Constant):
                    token = _WRAPPED.fullmatch(str(target.value))
                    if token:
                        edits.put(*reading.span(target), f'"{token.group(1)}"')
    return edits


def _is(node: ast.expr | None, value: str) -> bool:
    return isinstance(node, ast.Constant) and node.value == value


CODEMOD = Codemod(
    id="bare-video-token",
    summary="A video's frames take the place of its token alone, not of what is around it too",
    since="0.26.0",
    instead='target="<|video_pad|>"',
    reference="transformers 5.10: Qwen3VLProcessor.replace_video_token",
    risk="review",
    apply=_apply,
)
