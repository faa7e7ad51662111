from vllm.multimodal.processing import BaseMultiModalProcessor


class FinchProcessor(BaseMultiModalProcessor):
    def _call_hf_processor(self, prompt, mm_data, mm_kwargs, tok_kwargs):
        mm_kwargs = {"input_data_format": "channels_last", **mm_kwargs}
        return super()._call_hf_processor(prompt, mm_data, mm_kwargs, tok_kwargs)
