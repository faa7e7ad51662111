from typing import List, Optional, Union

import torch
import torch.nn as nn
from vllm.attention import AttentionMetadata


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
    ) -> Union[torch.Tensor, IntermediateTensors]:
        """Sing."""
        # The bird itself.
        hidden_states = self.model(input_ids, positions, kv_caches,
                                   attn_metadata, intermediate_tensors)
        return hidden_states
