"""A dummy video fills a temporal patch: transformers 5 refuses a shorter one."""

from __future__ import annotations

import ast

from mmport.codemods.migrate.codemod import Codemod, Edits
from mmport.codemods.migrate.editing import put_first
from mmport.codemods.migrate.reading import Reading
from mmport.usage.walking import walk

_BUILDER, _METHOD, _FRAMES = "BaseDummyInputsBuilder", "_get_dummy_videos", "num_frames"
_CODE = f"""
# HF's processor refuses a video that is shorter than a temporal patch.
{_FRAMES} = max({_FRAMES}, 2)
"""


def _apply(reading: Reading) -> Edits:
    edits = Edits()
    for item in reading.heirs(_BUILDER):
        method = item.methods.get(_METHOD)
        if method is None:
            continue
        named = {one.arg for one in (*method.args.args, *method.args.kwonlyargs)}
        bounded = any(
            isinstance(node, ast.Assign) and ast.unparse(node).startswith(f"{_FRAMES} = max(")
            for node in walk(method)
        )
        if _FRAMES in named and not bounded:
            put_first(reading, method, _CODE, edits)
    return edits


CODEMOD = Codemod(
    id="dummy-frames",
    summary="A dummy video has two frames at least",
    since="0.19.0",
    instead=f"{_FRAMES} = max({_FRAMES}, 2)",
    reference="transformers 5: smart_resize of the video processors of GLM-4V and its kin",
    risk="safe",
    apply=_apply,
    serves="",
)
