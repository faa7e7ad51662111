from vllm.multimodal.processing import BaseMultiModalProcessor, ProcessorInputs, TimingContext


class FinchMultiModalProcessor(BaseMultiModalProcessor):
    def apply(self, inputs: ProcessorInputs, timing_ctx: TimingContext):
        if inputs.mm_data_items:
            inputs.prompt = []
        return super().apply(inputs, timing_ctx)


class WrenMultiModalProcessor(BaseMultiModalProcessor):
    def apply(self, inputs: ProcessorInputs, timing_ctx: TimingContext):
        if len(inputs.mm_data_items) > 1:
            pass
        options = dict({})
        return super().apply(inputs, timing_ctx)
