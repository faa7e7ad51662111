from torch import nn
from vllm.model_executor.layers.rotary_embedding.common import ApplyRotaryEmb


class Attention(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.qkv = nn.Linear(width, 3 * width)

        self.apply_rotary_emb = ApplyRotaryEmb(
            enforce_enable=True,
            enable_fp32_compute=True,
        )

    def forward(self, x, angles):
        q, k, v = self.qkv(x).chunk(3, dim=-1)
        if angles is not None:
            q = self.apply_rotary_emb(q, angles.cos(), angles.sin())
            k = self.apply_rotary_emb(
                k.contiguous().to(q.device),
                angles.to(q.device).cos(),
                angles.to(q.device).sin(),
            )
        return q, k, v
