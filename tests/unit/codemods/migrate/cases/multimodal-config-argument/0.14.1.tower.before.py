from torch import nn
from vllm.model_executor.models.clip import CLIPVisionModel


class Model(nn.Module):
    def __init__(self, config, multimodal_config):
        super().__init__()
        self.vision_tower = CLIPVisionModel(
            config,
            multimodal_config=multimodal_config,
            prefix="vision_tower",
        )
