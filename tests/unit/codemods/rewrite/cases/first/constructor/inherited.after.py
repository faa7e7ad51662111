from typing import Optional

import torch.nn as nn
from transformers import PretrainedConfig
from vllm.config import CacheConfig, MultiModalConfig
from vllm.model_executor.layers.quantization import QuantizationConfig
from vllm.model_executor.models.clip import CLIPVisionModel
from vllm.model_executor.models.llama import LlamaForCausalLM


class Finch(LlamaForCausalLM):

    def __init__(
        self,
        config: PretrainedConfig,
        multimodal_config: MultiModalConfig,
        cache_config: Optional[CacheConfig] = None,
        quant_config: Optional[QuantizationConfig] = None,
        **kwargs: object,
    ) -> None:
        # The language model is built from the text config alone.
        vlm_config = config
        config = vlm_config.text_config

        super().__init__(config, cache_config, quant_config, **kwargs)

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
