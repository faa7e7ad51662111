import torch
import torch.nn.functional as F
from einops import rearrange
from torch import nn

from vllm.attention.backends.registry import AttentionBackendEnum
from vllm.attention.layer import maybe_get_vit_flash_attn_backend
from vllm.distributed import utils as dist_utils
from vllm.model_executor.layers.linear import QKVParallelLinear, RowParallelLinear
from vllm.model_executor.models.vision import get_vit_attn_backend


class FinchAttention(nn.Module):
    def __init__(self, width, num_heads, tp_size, prefix="", override=None):
        super().__init__()
        self.size = dist_utils.divide(width, num_heads)
        self.heads = dist_utils.divide(num_heads, tp_size)
        self.qkv = QKVParallelLinear(width, self.size, num_heads, prefix=f"{prefix}.qkv")
        self.proj = RowParallelLinear(width, width, prefix=f"{prefix}.proj")

        # which kernel is there
        self.backend: AttentionBackendEnum = get_vit_attn_backend(
            head_size=self.size, dtype=torch.get_default_dtype(), attn_backend_override=override
        )
        self.foreign = False
        self.backend, self.flash_attn_varlen_func = maybe_get_vit_flash_attn_backend(
            self.backend, self.foreign, attn_backend_override=override
        )
        if self.backend not in {AttentionBackendEnum.FLASH_ATTN, AttentionBackendEnum.TORCH_SDPA}:
            raise RuntimeError(f"no {self.backend} here")
        self.is_flash = self.backend == AttentionBackendEnum.FLASH_ATTN

    def forward(self, x, cu_seqlens, max_seqlen=None):
        x, _ = self.qkv(x)
        batch = x.shape[1]
        q, k, v = (one.view(*one.shape[:2], self.heads, self.size) for one in x.chunk(3, dim=-1))
        q, k, v = (rearrange(one, "s b ... -> b s ...") for one in (q, k, v))
        if self.is_flash:
            q, k, v = (rearrange(one, "b s ... -> (b s) ...") for one in (q, k, v))
            out = self.flash_attn_varlen_func(
                q,
                k,
                v,
                cu_seqlens_q=cu_seqlens,
                cu_seqlens_k=cu_seqlens,
                max_seqlen_q=max_seqlen,
                max_seqlen_k=max_seqlen,
                dropout_p=0.0,
                causal=False,
            )
            context = rearrange(out, "(b s) h d -> s b (h d)", b=batch)
        elif self.backend == AttentionBackendEnum.TORCH_SDPA:
            outputs = []
            for i in range(1, len(cu_seqlens)):
                start, end = cu_seqlens[i - 1], cu_seqlens[i]
                q_i = q[:, start:end]
                k_i = k[:, start:end]
                v_i = v[:, start:end]
                q_i, k_i, v_i = (one.transpose(1, 2) for one in (q_i, k_i, v_i))
                out_i = F.scaled_dot_product_attention(q_i, k_i, v_i, dropout_p=0.0)
                out_i = rearrange(out_i, "b h s d -> b s h d")
                outputs.append(out_i)
            context = torch.cat(outputs, dim=1)
            # heads side by side
            context = rearrange(context, "b s h d -> s b (h d)").contiguous()
        # and out
        out, _ = self.proj(context)
        return out
