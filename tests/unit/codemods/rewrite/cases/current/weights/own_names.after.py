from collections.abc import Iterable

import regex as re
import torch
import torch.nn as nn
from vllm.model_executor.models.utils import AutoWeightsLoader, WeightsMapper


class Finch(nn.Module, SupportsLoRA):
    hf_to_vllm_mapper = FinchModel.hf_to_vllm_mapper  # fused layers
    # Names of the whole model first, then those of its language model.
    hf_to_vllm_mapper = (
        WeightsMapper(
            orig_to_new_regex={
                # Transformers 5 drops the `vision_model` level, 4.52 puts all below
                # `model`.
                re.compile(
                    r"^(?:model\.)?vision_tower\.(?:vision_model\.)?"
                ): "vision_tower.vision_model.",
                # Transformers 4.52 puts the connector below `model`.
                re.compile(
                    r"^(?:model\.)?multi_modal_projector\."
                ): "multi_modal_projector.",
                # The decoder, since transformers 4.52.
                re.compile(r"^model\.language_model\."): "model.",
                # All of the language model, before and after.
                re.compile(r"^language_model\."): "",
            }
        )
        | hf_to_vllm_mapper
    )
    packed_modules_mapping = {
        "qkv_proj": ["q_proj", "k_proj", "v_proj"],
        "gate_up_proj": ["gate_proj", "up_proj"],
    }

    supports_tower_connector_lora = True

    def load_weights(self, weights: Iterable[tuple[str, torch.Tensor]]) -> set[str]:
        loader = AutoWeightsLoader(self)
        return loader.load_weights(weights, mapper=self.hf_to_vllm_mapper)
