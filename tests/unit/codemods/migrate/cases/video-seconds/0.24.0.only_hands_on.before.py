from collections.abc import Mapping

from transformers import BatchFeature

from vllm.multimodal.inputs import MultiModalFieldConfig
from vllm.multimodal.processing import BaseMultiModalProcessor


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
