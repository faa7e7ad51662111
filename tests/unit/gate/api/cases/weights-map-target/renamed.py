# vLLM 0.32.0
from torch import nn
from vllm.model_executor.models.interfaces import SupportsMultiModal
from vllm.model_executor.models.utils import WeightsMapper


class MyModel(nn.Module, SupportsMultiModal):
    hf_to_vllm_mapper = WeightsMapper(
        orig_to_new_prefix={
            "model.vision_tower.": "vision_model.",  # <- MyModel has no attribute 'vision_model' to load weights into
            "model.language_model.": "language_model.model.",
        }
    )

    def __init__(self, *, vllm_config, prefix=""):
        super().__init__()
        self.vision_tower = nn.Linear(8, 8)
        self.language_model = nn.Linear(8, 8)
