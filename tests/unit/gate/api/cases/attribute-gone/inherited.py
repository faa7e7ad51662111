# vLLM 0.29.0
from vllm.multimodal.processing import BaseMultiModalProcessor


class MyProcessor(BaseMultiModalProcessor):
    def _apply_hf_processor_main(self, *args, **kwargs):
        return super()._apply_hf_processor_text_mm(*args, **kwargs)  # <- BaseMultiModalProcessor has no _apply_hf_processor_text_mm: 0.28.0 is the last release that had it
