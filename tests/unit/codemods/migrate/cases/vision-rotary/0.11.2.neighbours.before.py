from torch import nn

from vllm.model_executor.models.qwen2_vl import apply_rotary_pos_emb_vision


class Attention(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.qkv = nn.Linear(width, 3 * width)

    def forward(self, x, angles):
        q, k, v = self.qkv(x).chunk(3, dim=-1)
        if angles is not None:
            q = apply_rotary_pos_emb_vision(q, angles)
            k = apply_rotary_pos_emb_vision(k.contiguous().to(q.device), angles.to(q.device))
        return q, k, v
