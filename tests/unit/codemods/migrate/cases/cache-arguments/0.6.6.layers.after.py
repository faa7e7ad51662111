import torch
from torch import nn
from vllm.attention import Attention
from vllm.model_executor.models.interfaces import SupportsMultiModal


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.attn = Attention(4, 64, 1.0)

    # of this layer
    def forward(
        self,
        hidden_states: torch.Tensor,
    ) -> torch.Tensor:
        return self.attn(hidden_states, hidden_states, hidden_states)


class Finch(nn.Module, SupportsMultiModal):
    def forward(
        self,
        input_ids: torch.Tensor,
        positions: torch.Tensor,
        intermediate_tensors=None,
        **kwargs: object,
    ):
        hidden_states = self.embed(input_ids)
        for index, layer in enumerate(self.layers):
            hidden_states = layer(hidden_states)
        forwarded = {
            "positions": positions,
            "inputs_embeds": hidden_states,
        }
        return self.head(**forwarded)
