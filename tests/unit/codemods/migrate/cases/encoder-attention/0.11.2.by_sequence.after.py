from einops import rearrange
from torch import nn

from vllm.distributed import utils as dist_utils
from vllm.model_executor.layers.attention.mm_encoder_attention import MMEncoderAttention
from vllm.model_executor.layers.linear import QKVParallelLinear, RowParallelLinear


class FinchAttention(nn.Module):
    def __init__(self, width, num_heads, tp_size, prefix="", override=None):
        super().__init__()
        self.size = dist_utils.divide(width, num_heads)
        self.heads = dist_utils.divide(num_heads, tp_size)
        self.qkv = QKVParallelLinear(width, self.size, num_heads, prefix=f"{prefix}.qkv")
        self.proj = RowParallelLinear(width, width, prefix=f"{prefix}.proj")

        # which kernel is there
        self.attn = MMEncoderAttention(
            num_heads=self.heads,
            head_size=self.size,
            prefix=f"{prefix}.attn",
        )

    def forward(self, x, cu_seqlens, max_seqlen=None):
        x, _ = self.qkv(x)
        q, k, v = (one.view(*one.shape[:2], self.heads, self.size) for one in x.chunk(3, dim=-1))
        q, k, v = (rearrange(one, "s b ... -> b s ...") for one in (q, k, v))
        context = self.attn(
            query=q,
            key=k,
            value=v,
            cu_seqlens=cu_seqlens,
            max_seqlen=max_seqlen,
        )
        context = rearrange(context, "b s h d -> s b (h d)").contiguous()
        # and out
        out, _ = self.proj(context)
        return out
