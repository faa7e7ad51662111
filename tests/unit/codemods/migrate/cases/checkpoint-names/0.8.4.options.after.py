from torch import nn
from vllm.model_executor.models.interfaces import SupportsMultiModal
from vllm.model_executor.models.utils import (
    AutoWeightsLoader,
    WeightsMapper,
    init_vllm_registered_model,
)


class Finch(nn.Module, SupportsMultiModal):
    # Since transformers 4.52 the parts are below `model`, and the head is at the top.
    hf_to_vllm_mapper = WeightsMapper(
        orig_to_new_prefix={
            "model.language_model.": "language_model.model.",
            "lm_head.": "language_model.lm_head.",
        }
    )

    def __init__(self, *, vllm_config, prefix=""):
        super().__init__()
        self.language_model = init_vllm_registered_model(vllm_config=vllm_config)

    def load_weights(self, weights):
        loader = AutoWeightsLoader(
            self,
            # Images are for another day.
            ignore_unexpected_prefixes=["newline"],
        )
        return loader.load_weights(weights, mapper=self.hf_to_vllm_mapper)


class Wren(nn.Module, SupportsMultiModal):
    def __init__(self, *, vllm_config, prefix=""):
        super().__init__()
        self.language_model = init_vllm_registered_model(vllm_config=vllm_config)

    def load_weights(self, weights):
        return AutoWeightsLoader(self.language_model).load_weights(weights)
