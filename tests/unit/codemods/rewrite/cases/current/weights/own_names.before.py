from collections.abc import Iterable

import torch
import torch.nn as nn
from vllm.model_executor.models.utils import AutoWeightsLoader


class Finch(nn.Module, SupportsLoRA):
    hf_to_vllm_mapper = FinchModel.hf_to_vllm_mapper  # fused layers
    packed_modules_mapping = {
        "qkv_proj": ["q_proj", "k_proj", "v_proj"],
        "gate_up_proj": ["gate_proj", "up_proj"],
    }

    def load_weights(self, weights: Iterable[tuple[str, torch.Tensor]]) -> set[str]:
        loader = AutoWeightsLoader(self)
        return loader.load_weights(weights)
