import torch.nn as nn
from transformers import FinchConfig
from vllm.config import MultiModalConfig
from vllm.model_executor.models.clip import CLIPVisionModel


class Finch(nn.Module):
    def __init__(
        self,
        config: FinchConfig,  # of the bird
        multimodal_config: MultiModalConfig,
        cache_config=None,
        quant_config=None,
    ) -> None:
        # The language model is built from the text config alone.
        vlm_config = config
        config = vlm_config.text_config

        super().__init__()
        self.config = config
        self.model = FinchModel(config, cache_config, quant_config)

        self.vlm_config = vlm_config
        self.multimodal_config = multimodal_config

        # The tower is built up to the layer whose output is taken.
        self.vision_tower = CLIPVisionModel(
            self.vlm_config.vision_config,
            quant_config=quant_config,
            num_hidden_layers_override=get_num_feature_layers(self.vlm_config),
        )
        # Features are taken before the norm that ends the tower.
        self.vision_tower.vision_model.post_layernorm = nn.Identity()
        self.multi_modal_projector = LlavaMultiModalProjector(self.vlm_config)
