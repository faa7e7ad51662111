# vLLM 0.32.0
from torch import nn
from vllm.model_executor.models.clip import CLIPVisionModel
from vllm.model_executor.models.utils import init_vllm_registered_model, maybe_prefix


class MyModel(nn.Module):
    def __init__(self, *, vllm_config, prefix=""):
        super().__init__()
        config = vllm_config.model_config.hf_config
        self.vision_tower = CLIPVisionModel(
            config.vision_config,
            prefix=maybe_prefix(prefix, "vision_model"),  # <- MyModel.vision_tower is told the prefix 'vision_model'
        )
        self.language_model = init_vllm_registered_model(
            vllm_config, hf_config=config.text_config, prefix=maybe_prefix(prefix, "language_model")
        )
