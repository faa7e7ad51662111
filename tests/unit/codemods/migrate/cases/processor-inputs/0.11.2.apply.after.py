from dataclasses import replace

from vllm.multimodal.inputs import MultiModalInputs
from vllm.multimodal.processing import (
    BaseMultiModalProcessor,
    ProcessorInputs,
    TimingContext,
)


class FinchMultiModalProcessor(BaseMultiModalProcessor):
    # What comes back is changed, what goes in is handed on.
    def apply(
        self,
        inputs: ProcessorInputs,
        timing_ctx: TimingContext,
    ) -> MultiModalInputs:
        """Append an end to the prompt."""
        mm_data = inputs.mm_data_items
        # The base knows the media.
        result = super().apply(inputs, timing_ctx)
        if not mm_data:
            return result
        items = inputs.mm_data_items
        result["prompt_token_ids"].append(items.get_count("image"))
        return result

    def _cached_apply_hf_processor(
        self,
        inputs: ProcessorInputs,
        timing_ctx: TimingContext,
    ):
        # hf_processor_mm_kwargs: the user's
        mm_data_items = inputs.mm_data_items
        hf_processor_mm_kwargs = inputs.hf_processor_mm_kwargs
        if mm_data_items.get_count("image", strict=False) > 2:
            return self._apply_hf_processor(
                replace(inputs, hf_processor_mm_kwargs={**hf_processor_mm_kwargs, "crop": False}),
                timing_ctx,
            )
        return super()._cached_apply_hf_processor(inputs, timing_ctx)
