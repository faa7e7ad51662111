# vLLM 0.9.2
from vllm.multimodal.processing import BaseMultiModalProcessor


class MyProcessor(BaseMultiModalProcessor):
    def _call_hf_processor(self, prompt, mm_data, mm_kwargs):  # <- _call_hf_processor of MyProcessor does not take 'tok_kwargs'
        return super()._call_hf_processor(prompt, mm_data, mm_kwargs, {})
