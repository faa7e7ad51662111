from vllm.multimodal.processing import BaseProcessingInfo
from vllm.transformers_utils.processors.hunyuan_vl import HunYuanVLProcessor


class FinchProcessingInfo(BaseProcessingInfo):
    def bounds(self, image_processor: HunYuanVLProcessor):
        return image_processor.size["shortest_edge"], image_processor.size["longest_edge"]
