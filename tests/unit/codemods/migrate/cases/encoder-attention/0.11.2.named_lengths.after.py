from einops import rearrange
from torch import nn

from vllm.attention.backends.registry import AttentionBackendEnum
from vllm.model_executor.layers.attention.mm_encoder_attention import MMEncoderAttention


class FinchAttention(nn.Module):
    def __init__(
        self,
        heads: int,
        size: int,
        attn_backend: AttentionBackendEnum = AttentionBackendEnum.TORCH_SDPA,
        foreign: bool = False,
    ) -> None:
        super().__init__()
        self.heads = heads
        self.size = size
        self.attn = MMEncoderAttention(
            num_heads=self.heads,
            head_size=self.size,
        )

    def forward(self, x, cu_seqlens, max_seqlen, seqlens):
        batch = x.shape[0]
        q, k, v = x.view(batch, -1, 3, self.heads, self.size).unbind(2)
        y = self.attn(
            query=q,
            key=k,
            value=v,
            cu_seqlens=cu_seqlens,
            max_seqlen=max_seqlen,
        )
        y = rearrange(y, "b s h d -> s b (h d)").contiguous()
        return y
