from dataclasses import replace

from vllm.multimodal.processing import BaseMultiModalProcessor, ProcessorInputs, TimingContext


class FinchMultiModalProcessor(BaseMultiModalProcessor):
    def apply(self, inputs: ProcessorInputs, timing_ctx: TimingContext):
        if inputs.mm_data_items:
            inputs.prompt = []
            inputs.tokenization_kwargs = {
                **inputs.tokenization_kwargs,
                "add_special_tokens": False,
            }
        return super().apply(inputs, timing_ctx)


class WrenMultiModalProcessor(BaseMultiModalProcessor):
    def apply(self, inputs: ProcessorInputs, timing_ctx: TimingContext):
        if len(inputs.mm_data_items) > 1:
            inputs.tokenization_kwargs = {}
        options = dict(inputs.tokenization_kwargs)
        return super().apply(replace(inputs, tokenization_kwargs=options), timing_ctx)
