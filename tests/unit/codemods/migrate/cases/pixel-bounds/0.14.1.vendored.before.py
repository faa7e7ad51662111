from vllm.multimodal.processing import BaseProcessingInfo
from vllm.transformers_utils.processors.hunyuan_vl import HunYuanVLProcessor


class FinchProcessingInfo(BaseProcessingInfo):
    def bounds(self, image_processor: HunYuanVLProcessor):
        return image_processor.min_pixels, image_processor.max_pixels
