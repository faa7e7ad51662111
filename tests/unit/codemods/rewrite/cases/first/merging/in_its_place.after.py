from typing import List, Optional, Union

import torch
import torch.nn as nn
from vllm.attention import AttentionMetadata
from vllm.model_executor.models.utils import merge_multimodal_embeddings
from vllm.sequence import IntermediateTensors


class Finch(nn.Module):
    def __init__(self, config):
        self.model = FinchModel(config)

    def forward(
        self,
        input_ids: torch.Tensor,
        positions: torch.Tensor,
        kv_caches: List[torch.Tensor],
        attn_metadata: AttentionMetadata,
        intermediate_tensors: Optional[IntermediateTensors] = None,  # of a pipeline
        pixel_values: Optional[Union[torch.Tensor, List[torch.Tensor]]] = None,
        image_embeds: Optional[Union[torch.Tensor, List[torch.Tensor]]] = None,
        **kwargs: object,
    ) -> Union[torch.Tensor, IntermediateTensors]:
        """Sing."""
        image_input = self._parse_and_validate_image_input(
            pixel_values=pixel_values,
            image_embeds=image_embeds,
        )
        inputs_embeds = None
        if image_input is not None and intermediate_tensors is None:
            inputs_embeds = merge_multimodal_embeddings(
                input_ids,
                self.model.get_input_embeddings(input_ids),
                self._process_image_input(image_input),
                self.vlm_config.image_token_index,
            )
            input_ids = None

        # The bird itself.
        hidden_states = self.model(input_ids, positions, kv_caches,
                                   attn_metadata, intermediate_tensors,
                                   inputs_embeds=inputs_embeds)
        return hidden_states
