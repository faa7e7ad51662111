from collections.abc import Mapping

from vllm.multimodal.parse import MultiModalDataItems
from vllm.multimodal.processing import BaseMultiModalProcessor, ProcessorInputs, TimingContext
from vllm.multimodal.processing.processor import (
    MultiModalProcessingInfo,
    MultiModalProcessingResult,
    PlaceholderFeaturesInfo,
)


class FinchMultiModalProcessor(BaseMultiModalProcessor):
    def _maybe_apply_prompt_updates(
        self,
        mm_items: MultiModalDataItems,
        mm_res: MultiModalProcessingResult,
    ) -> tuple[list[int], Mapping[str, list[PlaceholderFeaturesInfo]]]:
        # NOTE: the template has put the tokens in already
        mm_placeholders = self._find_mm_placeholders(
            mm_res.prompt_ids, mm_res.prompt_updates
        )
        self._validate_mm_placeholders(mm_placeholders, mm_items.get_all_counts())
        return mm_res.prompt_ids, mm_placeholders


class WrenMultiModalProcessor(BaseMultiModalProcessor):
    def _cached_apply_hf_processor(
        self,
        inputs: ProcessorInputs,
        timing_ctx: TimingContext,
    ) -> MultiModalProcessingInfo:
        mm_info = self._apply_hf_processor(inputs, timing_ctx)
        prompt_ids = mm_info.prompt_ids
        prompt_ids = prompt_ids[1:]
        return mm_info._replace(prompt_ids=prompt_ids)

    def _maybe_apply_prompt_updates(
        self, mm_items, prompt_ids, mm_kwargs, mm_prompt_updates
    ):
        # Each is put in by hand.
        prompt_ids, found = self._apply_prompt_updates(
            prompt_ids,
            mm_prompt_updates,
        )
        return prompt_ids, found


class RobinMultiModalProcessor(BaseMultiModalProcessor):
    def apply(self, inputs: ProcessorInputs, timing_ctx: TimingContext):
        mm_info = self._apply_hf_processor(inputs, timing_ctx)
        prompt_ids = mm_info.prompt_ids
        prompt_ids, placeholders = self._maybe_apply_prompt_updates(
            inputs.mm_data_items,
            mm_info,
        )
        return prompt_ids, placeholders
