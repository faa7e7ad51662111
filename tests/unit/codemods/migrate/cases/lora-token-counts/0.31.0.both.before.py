from torch import nn
from vllm.model_executor.models.interfaces import SupportsMultiModal


class Model(nn.Module, SupportsMultiModal):
    def get_num_mm_encoder_tokens(self, num_image_tokens: int) -> int:
        return num_image_tokens * 4

    def get_num_mm_connector_tokens(self, num_vision_tokens: int) -> int:
        return num_vision_tokens // 4

    def get_mm_mapping(self):
        return None
