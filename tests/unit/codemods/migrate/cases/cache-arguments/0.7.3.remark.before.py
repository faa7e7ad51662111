from torch import nn

from vllm.attention import Attention


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.attn = Attention(4, 64, 1.0)

    def forward(self, hidden_states, kv_cache, attn_metadata):
        return self.attn(
            hidden_states,
            hidden_states,
            hidden_states,  # the value
            kv_cache,
            attn_metadata), None
