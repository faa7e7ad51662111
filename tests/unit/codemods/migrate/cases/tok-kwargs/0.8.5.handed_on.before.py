from vllm.multimodal.processing import BaseMultiModalProcessor


class FinchProcessor(BaseMultiModalProcessor):
    def _call_hf_processor(
        self,
        prompt: str,
        mm_data,
        mm_kwargs,  # of the request
    ):
        return super()._call_hf_processor(
            prompt=prompt,
            mm_data=mm_data,
            mm_kwargs=mm_kwargs,
        )


class WrenProcessor(BaseMultiModalProcessor):
    def _call_hf_processor(self, prompt, mm_data, mm_kwargs):
        return super()._call_hf_processor(prompt, mm_data, mm_kwargs)
