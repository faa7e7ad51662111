import torch
from torch import nn

from vllm.attention.backends.registry import AttentionBackendEnum
from vllm.attention.layer import (
    check_upstream_fa_availability,
    maybe_get_vit_flash_attn_backend,
)
from vllm.model_executor.layers.linear import QKVParallelLinear
from vllm.model_executor.models.vision import get_vit_attn_backend


class FinchAttention(nn.Module):
    def __init__(self, size, heads, prefix="", attn_backend_override=None):
        super().__init__()
        self.head_size = size // heads
        self.heads = heads
        self.qkv = QKVParallelLinear(size, self.head_size, heads, prefix=f"{prefix}.qkv")
        self.attn_backend = get_vit_attn_backend(
            self.head_size,
            torch.get_default_dtype(),
            attn_backend_override=attn_backend_override,
        )
        self.use_upstream_fa = False

        self.attn_backend, self.flash_attn_varlen_func = maybe_get_vit_flash_attn_backend(
            self.attn_backend,
            self.use_upstream_fa,
            attn_backend_override=attn_backend_override,
        )
        if self.attn_backend not in {
            AttentionBackendEnum.FLASH_ATTN,
            AttentionBackendEnum.TORCH_SDPA,
            AttentionBackendEnum.XFORMERS,
        }:
            raise RuntimeError(f"no kernel of {self.attn_backend}")

    def forward(self, x, cu_seqlens, max_seqlen=None, seqlens=None):
        batch, length, _ = x.shape
        q, k, v = self.qkv(x)[0].chunk(3, dim=-1)
        q = q.view(batch, length, self.heads, self.head_size)
        k = k.view(batch, length, self.heads, self.head_size)
        v = v.view(batch, length, self.heads, self.head_size)
        if self.attn_backend == AttentionBackendEnum.FLASH_ATTN:
            out = self.flash_attn_varlen_func(
                q.flatten(0, 1),
                k.flatten(0, 1),
                v.flatten(0, 1),
                cu_seqlens_q=cu_seqlens,
                cu_seqlens_k=cu_seqlens,
                max_seqlen_q=max_seqlen,
                max_seqlen_k=max_seqlen,
                dropout_p=0.0,
                causal=False,
            ).view(q.shape)
        elif self.attn_backend == AttentionBackendEnum.XFORMERS:
            from xformers import ops
            from xformers.ops.fmha.attn_bias import BlockDiagonalMask

            bias = BlockDiagonalMask.from_seqlens(q_seqlen=seqlens, kv_seqlen=None)
            out = ops.memory_efficient_attention_forward(q, k, v, attn_bias=bias, p=0, scale=None)
        return out.flatten(-2)


def is_there(backend):
    return check_upstream_fa_availability(torch.get_default_dtype()) and backend is not None
