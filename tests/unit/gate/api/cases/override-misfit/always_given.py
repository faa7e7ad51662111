# vLLM 0.12.0
from vllm.multimodal.profiling import BaseDummyInputsBuilder


class MyDummyInputs(BaseDummyInputsBuilder):
    def get_dummy_mm_data(self, seq_len, mm_counts):  # <- get_dummy_mm_data of MyDummyInputs does not take 'mm_options'
        return {}
