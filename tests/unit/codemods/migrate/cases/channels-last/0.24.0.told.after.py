from vllm.multimodal.processing import BaseMultiModalProcessor


class FinchProcessor(BaseMultiModalProcessor):
    def _call_hf_processor(self, prompt, mm_data, mm_kwargs, tok_kwargs):
        mm_kwargs = dict(mm_kwargs)
        return super()._call_hf_processor(prompt, mm_data, mm_kwargs, tok_kwargs)
