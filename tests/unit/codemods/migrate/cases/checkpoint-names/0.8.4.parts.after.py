from torch import nn
from vllm.model_executor.models.clip import CLIPVisionModel
from vllm.model_executor.models.interfaces import SupportsMultiModal
from vllm.model_executor.models.utils import (
    AutoWeightsLoader,
    WeightsMapper,
    init_vllm_registered_model,
    maybe_prefix,
)


class Finch(nn.Module, SupportsMultiModal):
    # Since transformers 4.52 the parts are below `model`, and the head is at the top.
    hf_to_vllm_mapper = WeightsMapper(
        orig_to_new_prefix={
            "model.vision_tower.": "vision_tower.",
            "model.multi_modal_projector.": "multi_modal_projector.",
            "model.language_model.": "language_model.model.",
            "lm_head.": "language_model.lm_head.",
        }
    )

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
        return loader.load_weights(weights, mapper=self.hf_to_vllm_mapper)
