from vllm.multimodal.processing import BaseMultiModalProcessor, ProcessorInputs, TimingContext
from vllm.multimodal.processing.processor import MultiModalProcessingInfo


class FinchMultiModalProcessor(BaseMultiModalProcessor):
    def _cached_apply_hf_processor(
        self,
        inputs: ProcessorInputs,
        timing_ctx: TimingContext,
    ) -> tuple[list[int], MultiModalProcessingInfo, bool]:
        prompt_ids, mm_info, _ = super()._cached_apply_hf_processor(inputs, timing_ctx)

        # NOTE: the template has put the tokens in already
        return prompt_ids, mm_info, True


class WrenMultiModalProcessor(BaseMultiModalProcessor):
    def _cached_apply_hf_processor(
        self,
        inputs: ProcessorInputs,
        timing_ctx: TimingContext,
    ) -> tuple[list[int], MultiModalProcessingInfo, bool]:
        prompt_ids, mm_info, applied = self._apply_hf_processor(inputs, timing_ctx)
        prompt_ids = prompt_ids[1:]
        return prompt_ids, mm_info, applied

    def _maybe_apply_prompt_updates(
        self, mm_items, prompt_ids, mm_kwargs, mm_prompt_updates, is_update_applied
    ):
        if is_update_applied:
            found = self._find_mm_placeholders(prompt_ids, mm_prompt_updates)
        else:
            # Each is put in by hand.
            prompt_ids, found = self._apply_prompt_updates(
                prompt_ids,
                mm_prompt_updates,
            )
        return prompt_ids, found


class RobinMultiModalProcessor(BaseMultiModalProcessor):
    def apply(self, inputs: ProcessorInputs, timing_ctx: TimingContext):
        (
            prompt_ids,
            mm_info,
            is_update_applied,
        ) = self._apply_hf_processor(inputs, timing_ctx)
        prompt_ids, placeholders = self._maybe_apply_prompt_updates(
            mm_items=inputs.mm_data_items,
            prompt_ids=prompt_ids,
            mm_kwargs=mm_info.kwargs,
            mm_prompt_updates=mm_info.prompt_updates,
            is_update_applied=is_update_applied,
        )
        return prompt_ids, placeholders
