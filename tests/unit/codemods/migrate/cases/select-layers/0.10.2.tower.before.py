from torch import nn
from vllm.model_executor.models.llava import init_vision_tower_for_llava


class Finch(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.feature_sample_layers = [-2]
        self.vision_tower = init_vision_tower_for_llava(config, None)

    def features(self, pixel_values):
        return self.vision_tower(pixel_values, feature_sample_layers=self.feature_sample_layers)
