from torch import nn
from vllm.model_executor.layers.attention.mm_encoder_attention import MMEncoderAttention


class FinchAttention(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.attn = nn.Identity()
        self.num_heads = config.num_heads
        self.num_kv_heads = config.num_kv_heads
        self.head_dim = config.head_dim
        self.scale = config.scale
        self.encoder_attn = MMEncoderAttention(
            num_heads=self.num_heads,
            head_size=self.head_dim,
            scale=self.scale,
            num_kv_heads=self.num_kv_heads,
        )

    def forward(self, q, k, v, cu_seqlens):
        longest = (cu_seqlens[1:] - cu_seqlens[:-1]).max().item()
        q = q.view(*q.shape[:-1], self.num_heads, self.head_dim)
        k = k.view(*k.shape[:-1], self.num_kv_heads, self.head_dim)
        v = v.view(*v.shape[:-1], self.num_kv_heads, self.head_dim)
        out = self.encoder_attn(
            query=q,
            key=k,
            value=v,
            cu_seqlens=cu_seqlens,
            max_seqlen=longest,
        )
        return out.flatten(-2)
