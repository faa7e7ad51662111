from vllm.multimodal.processing import BaseMultiModalProcessor


class Processor(BaseMultiModalProcessor):
    def _call_hf_processor(self, prompt, mm_data, mm_kwargs, tok_kwargs):
        video_mm_kwargs = dict(**mm_kwargs)
        video_mm_kwargs["fps"] = 2
        return super()._call_hf_processor(
            prompt=prompt,
            mm_data=mm_data,
            mm_kwargs=video_mm_kwargs,
            tok_kwargs=tok_kwargs,
        )
