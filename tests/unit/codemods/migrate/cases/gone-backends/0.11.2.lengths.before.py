from torch import nn

from vllm.attention.backends.registry import AttentionBackendEnum


class Tower(nn.Module):
    def __init__(self, backend):
        super().__init__()
        if backend not in {
            AttentionBackendEnum.FLASH_ATTN,
            AttentionBackendEnum.XFORMERS,
            # always there
            AttentionBackendEnum.TORCH_SDPA,
        }:
            raise RuntimeError("no such kernel")
        self.backend = backend

    def lengths(self, bounds):
        longest, lengths = None, None
        if self.backend == AttentionBackendEnum.FLASH_ATTN:
            longest = (bounds[1:] - bounds[:-1]).max()
        elif self.backend == AttentionBackendEnum.XFORMERS:
            lengths = bounds[1:] - bounds[:-1]
        return longest, lengths

    def kind(self):
        if self.backend == AttentionBackendEnum.XFORMERS:
            return "joined"
        if (
            self.backend == AttentionBackendEnum.FLASH_ATTN
            or self.backend == AttentionBackendEnum.XFORMERS
        ):
            return "fast"
        if self.backend == AttentionBackendEnum.TORCH_SDPA:
            return "plain"
        elif self.backend == AttentionBackendEnum.XFORMERS:
            return "joined"
        else:
            return "other"
