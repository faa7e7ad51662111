from vllm.model_executor.models.qwen2_vl import Qwen2VLProcessingInfo


class FinchProcessingInfo(Qwen2VLProcessingInfo):
    def _get_vision_info(
        self,
        *,
        image_width: int,
        image_height: int,
        num_frames: int = 2,
        do_resize: bool = True,
        image_processor,
    ):
        return image_width, num_frames

    def own(self, width: int) -> int:
        return width
