import regex as re
import torch.nn as nn
from vllm.model_executor.models.utils import AutoWeightsLoader, WeightsMapper


class Finch(nn.Module):

    hf_to_vllm_mapper = WeightsMapper(
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
    def load_weights(self, weights):
        return AutoWeightsLoader(self).load_weights(
            weights,
            mapper=self.hf_to_vllm_mapper,
        )
