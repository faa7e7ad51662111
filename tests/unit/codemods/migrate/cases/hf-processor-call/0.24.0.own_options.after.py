from vllm.multimodal.processing import BaseMultiModalProcessor


class Processor(BaseMultiModalProcessor):
    def _call_hf_processor(self, hf_data, hf_kwargs):
        video_mm_kwargs = dict(**hf_kwargs)
        video_mm_kwargs["fps"] = 2
        return super()._call_hf_processor(hf_data, video_mm_kwargs)
