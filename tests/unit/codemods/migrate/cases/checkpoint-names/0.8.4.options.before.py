from torch import nn
from vllm.model_executor.models.interfaces import SupportsMultiModal
from vllm.model_executor.models.utils import AutoWeightsLoader, init_vllm_registered_model


class Finch(nn.Module, SupportsMultiModal):
    def __init__(self, *, vllm_config, prefix=""):
        super().__init__()
        self.language_model = init_vllm_registered_model(vllm_config=vllm_config)

    def load_weights(self, weights):
        loader = AutoWeightsLoader(
            self,
            # Images are for another day.
            ignore_unexpected_prefixes=["newline"],
        )
        return loader.load_weights(weights)


class Wren(nn.Module, SupportsMultiModal):
    def __init__(self, *, vllm_config, prefix=""):
        super().__init__()
        self.language_model = init_vllm_registered_model(vllm_config=vllm_config)

    def load_weights(self, weights):
        return AutoWeightsLoader(self.language_model).load_weights(weights)
