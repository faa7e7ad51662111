from collections.abc import Mapping

from transformers import BatchFeature

from vllm.multimodal.inputs import MultiModalFieldConfig
from vllm.multimodal.parse import MultiModalDataItems
from vllm.multimodal.processing import BaseMultiModalProcessor
from vllm.multimodal.processing.processor import HFMultiModalInputs


class ClipProcessor(BaseMultiModalProcessor):
    def _get_hf_mm_text(self, mm_counts: Mapping[str, int]) -> str:
        return "<clip>" * mm_counts["video"]

    def _call_hf_processor(self, hf_data, hf_kwargs):
        return super()._call_hf_processor(hf_data, hf_kwargs)

    def _get_mm_fields_config(
        self,
        hf_inputs: BatchFeature,
        hf_processor_mm_kwargs: Mapping[str, object],
    ) -> Mapping[str, MultiModalFieldConfig]:
        return dict(second_per_grid_ts=MultiModalFieldConfig.batched("video"))

    def _get_hf_mm_inputs(
        self,
        mm_items: MultiModalDataItems,
        hf_kwargs: Mapping[str, object],
    ) -> HFMultiModalInputs:
        hf_inputs = super()._get_hf_mm_inputs(mm_items, hf_kwargs)
        if videos := hf_inputs.hf_data.get("videos"):
            # Before transformers 5, a video of no known rate had two frames a second.
            fps = hf_kwargs.get("fps", 2.0)
            hf_inputs.hf_data["video_metadata"] = [
                {"fps": fps, "total_num_frames": len(video)} for video in videos
            ]
        return hf_inputs
