from collections.abc import Mapping

from transformers.feature_extraction_utils import BatchFeature
from vllm.multimodal.parse import MultiModalDataItems
from vllm.multimodal.processing import BaseMultiModalProcessor
from vllm.multimodal.processing.processor import HFMultiModalInputs


class FinchMultiModalProcessor(BaseMultiModalProcessor):
    def _get_hf_mm_inputs(
        self,
        mm_items: MultiModalDataItems,
        hf_kwargs: Mapping[str, object],
    ) -> HFMultiModalInputs:
        """
        A video may bring its audio along.
        """
        mm_counts = mm_items.get_all_counts()

        if hf_kwargs.get("with_audio") and "video" in mm_counts:
            # It is in the video's tokens.
            mm_counts["audio"] -= mm_counts["video"]
        hf_inputs = super()._get_hf_mm_inputs(mm_items, hf_kwargs)
        if "text" in hf_inputs.hf_data:
            hf_inputs.hf_data["text"] = self.dummy_inputs.get_dummy_text(mm_counts)
        return hf_inputs

    def _get_mm_fields_config(self, hf_inputs, hf_processor_mm_kwargs):
        return {}


class WrenMultiModalProcessor(BaseMultiModalProcessor):
    def _get_mm_fields_config(self, hf_inputs, hf_processor_mm_kwargs):
        return {}


class SiskinMultiModalProcessor(BaseMultiModalProcessor):
    def _apply_hf_processor_mm_only(
        self,
        mm_items: MultiModalDataItems,
        hf_processor_mm_kwargs: Mapping[str, object],
        tokenization_kwargs: Mapping[str, object],
    ) -> BatchFeature:
        return self.info.processed(mm_items)
