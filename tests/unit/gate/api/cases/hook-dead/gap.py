# vLLM 0.29.0
from vllm.multimodal.processing import BaseMultiModalProcessor


class MyProcessor(BaseMultiModalProcessor):
    def _call_hf_processor(self, prompt, mm_data, mm_kwargs, tok_kwargs):  # <- vLLM calls no _call_hf_processor of MyProcessor: 0.28.0 is the last release that did
        return self.info.ctx.call_hf_processor(self.info.get_hf_processor(), mm_data)
