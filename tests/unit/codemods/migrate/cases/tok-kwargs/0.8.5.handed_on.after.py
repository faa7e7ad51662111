from collections.abc import Mapping

from vllm.multimodal.processing import BaseMultiModalProcessor


class FinchProcessor(BaseMultiModalProcessor):
    def _call_hf_processor(
        self,
        prompt: str,
        mm_data,
        mm_kwargs,
        tok_kwargs: Mapping[str, object],  # of the request
    ):
        return super()._call_hf_processor(
            prompt=prompt,
            mm_data=mm_data,
            mm_kwargs=mm_kwargs,
            tok_kwargs=tok_kwargs,
        )


class WrenProcessor(BaseMultiModalProcessor):
    def _call_hf_processor(self, prompt, mm_data, mm_kwargs, tok_kwargs: Mapping[str, object]):
        return super()._call_hf_processor(prompt, mm_data, mm_kwargs, tok_kwargs=tok_kwargs)
