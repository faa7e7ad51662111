from torch import nn
from vllm.model_executor.models.clip import CLIPVisionModel
from vllm.model_executor.models.interfaces import SupportsMultiModal
from vllm.model_executor.models.utils import (
    AutoWeightsLoader,
    init_vllm_registered_model,
    maybe_prefix,
)


class Finch(nn.Module, SupportsMultiModal):
    def __init__(self, *, vllm_config, prefix=""):
        super().__init__()
        self.config = vllm_config.model_config.hf_config
        self.vision_tower = CLIPVisionModel(self.config.vision_config)
        self.multi_modal_projector = nn.Linear(8, 8)
        self.language_model = init_vllm_registered_model(
            vllm_config=vllm_config, prefix=maybe_prefix(prefix, "language_model")
        )

    def load_weights(self, weights):
        loader = AutoWeightsLoader(self)
        return loader.load_weights(weights)
