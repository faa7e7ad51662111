from vllm.multimodal.profiling import BaseDummyInputsBuilder, ProcessorInputs


class FinchDummyInputsBuilder(BaseDummyInputsBuilder):
    def get_dummy_processor_inputs(self, seq_len, mm_counts, mm_options=None):
        media = self.get_dummy_mm_data(seq_len, mm_counts)
        return ProcessorInputs(prompt=[1, 2], mm_data_items=self.info.parse_mm_data(media))  # no text
