from torch import nn

from vllm.attention.backends.registry import AttentionBackendEnum
from vllm.attention.ops.vit_attn_wrappers import vit_torch_sdpa_wrapper


class FinchAttention(nn.Module):
    def __init__(self, heads, size, backend: AttentionBackendEnum):
        super().__init__()
        self.heads = heads
        self.size = size
        self.backend = backend

    def forward(self, q, k, v, cu_seqlens, kernel):
        q = q.view(1, -1, self.heads, self.size)
        if self.backend == AttentionBackendEnum.FLASH_ATTN:
            out = kernel.flash_attn_varlen_func(q, k, v, cu_seqlens_q=cu_seqlens, causal=True)
        else:
            out = vit_torch_sdpa_wrapper(q, k, v, cu_seqlens)
        return out
