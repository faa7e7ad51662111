from torch import nn

from vllm.model_executor.models.vision import get_vit_attn_backend
from vllm.platforms import _Backend


class FinchAttention(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.attn = nn.Identity()
        self.num_heads = config.num_heads
        self.num_kv_heads = config.num_kv_heads
        self.head_dim = config.head_dim
        self.scale = config.scale
        self.backend = get_vit_attn_backend(support_fa=True)
        if self.backend not in {_Backend.FLASH_ATTN, _Backend.XFORMERS}:
            raise RuntimeError("no such kernel")

    def forward(self, q, k, v, cu_seqlens):
        longest = (cu_seqlens[1:] - cu_seqlens[:-1]).max().item()
        seqlens = (cu_seqlens[1:] - cu_seqlens[:-1]).tolist()
        q = q.view(*q.shape[:-1], self.num_heads, self.head_dim)
        k = k.view(*k.shape[:-1], self.num_kv_heads, self.head_dim)
        v = v.view(*v.shape[:-1], self.num_kv_heads, self.head_dim)
        if self.backend == _Backend.FLASH_ATTN:
            from flash_attn import flash_attn_varlen_func

            out = flash_attn_varlen_func(
                q.flatten(0, 1),
                k.flatten(0, 1),
                v.flatten(0, 1),
                cu_seqlens_q=cu_seqlens,
                cu_seqlens_k=cu_seqlens,
                max_seqlen_q=longest,
                max_seqlen_k=longest,
                softmax_scale=self.scale,
            ).view(q.shape)
        elif self.backend == _Backend.XFORMERS:
            from xformers import ops
            from xformers.ops.fmha.attn_bias import BlockDiagonalMask

            bias = BlockDiagonalMask.from_seqlens(q_seqlen=seqlens, kv_seqlen=None)
            out = ops.memory_efficient_attention_forward(q, k, v, attn_bias=bias, p=0, scale=None)
        return out.flatten(-2)
