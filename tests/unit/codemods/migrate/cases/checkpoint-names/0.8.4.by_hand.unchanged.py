from torch import nn
from vllm.model_executor.models.interfaces import SupportsMultiModal
from vllm.model_executor.models.utils import init_vllm_registered_model


class Finch(nn.Module, SupportsMultiModal):
    def __init__(self, *, vllm_config, prefix=""):
        super().__init__()
        self.language_model = init_vllm_registered_model(vllm_config=vllm_config)

    def load_weights(self, weights):
        return {name for name, weight in weights if self.put(name, weight)}
