from typing import List

import torch
from torch import nn
from vllm.attention import Attention, AttentionMetadata
from vllm.model_executor.models.interfaces import SupportsMultiModal


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.attn = Attention(4, 64, 1.0)

    def forward(
        self,
        hidden_states: torch.Tensor,
        kv_cache: torch.Tensor,  # of this layer
        attn_metadata: AttentionMetadata,
    ) -> torch.Tensor:
        return self.attn(hidden_states, hidden_states, hidden_states, kv_cache, attn_metadata)


class Finch(nn.Module, SupportsMultiModal):
    def forward(
        self,
        input_ids: torch.Tensor,
        positions: torch.Tensor,
        kv_caches: List[torch.Tensor],
        attn_metadata: AttentionMetadata,
        intermediate_tensors=None,
        **kwargs: object,
    ):
        hidden_states = self.embed(input_ids)
        for index, layer in enumerate(self.layers):
            hidden_states = layer(hidden_states, kv_caches[index], attn_metadata=attn_metadata)
        forwarded = {
            "positions": positions,
            "kv_caches": kv_caches,
            "attn_metadata": attn_metadata,
            "inputs_embeds": hidden_states,
        }
        return self.head(**forwarded)
