from collections.abc import Mapping

from vllm.multimodal.processing import BaseMultiModalProcessor


class Processor(BaseMultiModalProcessor):
    def _get_hf_mm_text(self, mm_counts: Mapping[str, int]) -> str:
        return self.dummy_inputs.get_dummy_text(mm_counts)

    def _get_mm_fields_config(self, hf_inputs, hf_processor_mm_kwargs):
        return {}


class Heir(Processor):
    pass
