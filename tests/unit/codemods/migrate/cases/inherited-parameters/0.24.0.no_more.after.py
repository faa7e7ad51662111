from collections.abc import Mapping

from vllm.model_executor.models.minicpmv import MiniCPMVMultiModalProcessor


class FinchProcessor(MiniCPMVMultiModalProcessor):
    def process_images(
        self,
        mm_data: Mapping[str, object],
        mm_kwargs: Mapping[str, object],
    ):
        return {"pixel_values": mm_data["images"]}

    def process_videos(self, mm_data, mm_kwargs, tok_kwargs):
        return {"video_pixel_values": tok_kwargs["videos"]}
