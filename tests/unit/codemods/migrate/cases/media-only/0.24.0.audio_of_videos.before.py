from collections.abc import Mapping

from transformers.feature_extraction_utils import BatchFeature
from vllm.multimodal.parse import MultiModalDataItems
from vllm.multimodal.processing import BaseMultiModalProcessor


class FinchMultiModalProcessor(BaseMultiModalProcessor):
    def _apply_hf_processor_mm_only(
        self,
        mm_items: MultiModalDataItems,
        hf_processor_mm_kwargs: Mapping[str, object],
        tokenization_kwargs: Mapping[str, object],
    ) -> BatchFeature:
        """
        A video may bring its audio along.
        """
        mm_counts = mm_items.get_all_counts()

        if hf_processor_mm_kwargs.get("with_audio") and "video" in mm_counts:
            # It is in the video's tokens.
            mm_counts["audio"] -= mm_counts["video"]

        _, mm_processed_data, _ = self._apply_hf_processor_text_mm(
            prompt_text=self.dummy_inputs.get_dummy_text(mm_counts),
            mm_items=mm_items,
            hf_processor_mm_kwargs=hf_processor_mm_kwargs,
            tokenization_kwargs=tokenization_kwargs,
        )

        return mm_processed_data

    def _get_mm_fields_config(self, hf_inputs, hf_processor_mm_kwargs):
        return {}


class WrenMultiModalProcessor(BaseMultiModalProcessor):
    def _apply_hf_processor_mm_only(
        self,
        mm_items: MultiModalDataItems,
        hf_processor_mm_kwargs: Mapping[str, object],
        tokenization_kwargs: Mapping[str, object],
    ) -> BatchFeature:
        mm_counts = mm_items.get_all_counts()
        _, processed, _ = self._apply_hf_processor_text_mm(
            self.dummy_inputs.get_dummy_text(mm_counts),
            mm_items,
            hf_processor_mm_kwargs,
            tokenization_kwargs,
        )
        return processed

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
