# vLLM 0.12.0
from vllm.multimodal.profiling import BaseDummyInputsBuilder


class MyDummyInputs(BaseDummyInputsBuilder):
    def get_dummy_mm_data(self, seq_len, mm_counts, mm_options=None, size=224):
        return {}


class OtherDummyInputs(BaseDummyInputsBuilder):
    def get_dummy_mm_data(self, *args, **kwargs):
        return {}
