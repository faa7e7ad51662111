from torch import nn

from vllm.attention.backends.registry import AttentionBackendEnum
from vllm.attention.layer import maybe_get_vit_flash_attn_backend
from vllm.attention.ops.vit_attn_wrappers import (
    vit_flash_attn_wrapper,
    vit_torch_sdpa_wrapper,
    vit_xformers_attn_wrapper,
)


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
        self.attn_backend = attn_backend
        self.foreign = foreign
        self.attn_backend, self.flash_attn_varlen_func = maybe_get_vit_flash_attn_backend(
            self.attn_backend, self.foreign
        )

    def forward(self, x, cu_seqlens, max_seqlen, seqlens):
        batch = x.shape[0]
        q, k, v = x.view(batch, -1, 3, self.heads, self.size).unbind(2)
        if self.attn_backend == AttentionBackendEnum.FLASH_ATTN:
            y = vit_flash_attn_wrapper(q, k, v, cu_seqlens, max_seqlen, batch, False, self.foreign)
        elif self.attn_backend == AttentionBackendEnum.TORCH_SDPA:
            y = vit_torch_sdpa_wrapper(q, k, v=v, cu_seqlens=cu_seqlens)
        else:
            y = vit_xformers_attn_wrapper(q, k, v, seqlens)
        return y
