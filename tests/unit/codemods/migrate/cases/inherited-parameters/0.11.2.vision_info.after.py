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
        mm_kwargs: object = None,
        modality: object = None,
    ):
        return image_width, num_frames

    def own(self, width: int) -> int:
        return width

    def most(self, width: int) -> int:
        tokens = self.get_num_video_tokens(
            image_width=width, image_height=8, num_frames=self.own(2), image_processor=None, mm_kwargs={}
        )
        return max(tokens, self.own(width))
