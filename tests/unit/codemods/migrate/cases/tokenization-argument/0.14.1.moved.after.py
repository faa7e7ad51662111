from vllm.multimodal.profiling import BaseDummyInputsBuilder, ProcessorInputs


class FinchDummyInputsBuilder(BaseDummyInputsBuilder):
    def get_dummy_processor_inputs(self, seq_len, mm_counts, mm_options=None):
        return ProcessorInputs(
            prompt=[1],
            mm_data={},
        )
