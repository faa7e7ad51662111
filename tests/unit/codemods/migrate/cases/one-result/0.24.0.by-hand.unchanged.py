from vllm.multimodal.processing import BaseMultiModalProcessor


class FinchMultiModalProcessor(BaseMultiModalProcessor):
    def _cached_apply_hf_processor(self, inputs, timing_ctx):
        prompt_ids, mm_info, _ = super()._cached_apply_hf_processor(inputs, timing_ctx)
        return prompt_ids, mm_info, len(prompt_ids) > 5
