"""HF's processor is told how many frames a second a video has: it took two for granted before."""

from __future__ import annotations

import ast

from mmport.codemods.migrate.codemod import Codemod, Edits
from mmport.codemods.migrate.editing import put_method
from mmport.codemods.migrate.reading import Reading
from mmport.usage.source import ModelClass
from mmport.usage.walking import walk

_PROCESSOR = "BaseMultiModalProcessor"
_FIELDS, _FIELD = "_get_mm_fields_config", "second_per_grid_ts"
_HOOK = "_get_hf_mm_inputs"
_CALLS = (_HOOK, "_call_hf_processor", "_preprocess_hf_mm_data", "_apply_hf_processor_main")
_CODE = f"""
def {_HOOK}(
    self,
    mm_items: MultiModalDataItems,
    hf_kwargs: Mapping[str, object],
) -> HFMultiModalInputs:
    hf_inputs = super().{_HOOK}(mm_items, hf_kwargs)
    if videos := hf_inputs.hf_data.get("videos"):
        # Before transformers 5, a video of no known rate had two frames a second.
        fps = hf_kwargs.get("fps", 2.0)
        hf_inputs.hf_data["video_metadata"] = [
            {{"fps": fps, "total_num_frames": len(video)}} for video in videos
        ]
    return hf_inputs
"""


def _apply(reading: Reading) -> Edits:
    edits = Edits()
    for item in reading.heirs(_PROCESSOR):
        classes = (item, *reading.local_parents(item))
        told = any(_does_more(one, name) for one in classes for name in _CALLS)
        if _gives_seconds(item) and not told:
            put_method(reading, item, _CODE, edits)
            edits.need("collections.abc", "Mapping")
            edits.need("vllm.multimodal.parse", "MultiModalDataItems")
            edits.need("vllm.multimodal.processing.processor", "HFMultiModalInputs")
    return edits


def _does_more(item: ModelClass, name: str) -> bool:
    """Tell a class that has a hook of its own, which does more than to call the one above it."""
    method = item.methods.get(name)
    if method is None:
        return item.own(name)
    names = [one.arg for one in method.args.args][1:]
    body = [ast.unparse(one) for one in method.body if not _is_docstring(one)]
    return body != [f"return super().{name}({', '.join(names)})"]


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _gives_seconds(item: ModelClass) -> bool:
    """Tell a processor whose model is given the seconds between the grids of a video."""
    fields = item.methods.get(_FIELDS)
    return fields is not None and any(
        isinstance(node, ast.keyword) and node.arg == _FIELD for node in walk(fields)
    )


CODEMOD = Codemod(
    id="video-seconds",
    summary="HF's processor is told a video's frames a second, two as before",
    since="0.31.0",
    instead=f"video_metadata in {_HOOK}",
    reference="transformers 5: VideoMetadata.sampled_fps is 24 where nothing is said",
    risk="review",
    apply=_apply,
)
