from vllm.multimodal.processing import BaseMultiModalProcessor, ProcessorInputs


class FinchMultiModalProcessor(BaseMultiModalProcessor):
    def inner(self, inputs: ProcessorInputs) -> ProcessorInputs:
        return ProcessorInputs(
            inputs.prompt,
            inputs.mm_data_items,
        )
