from torch import nn

from vllm.attention.backends.registry import AttentionBackendEnum


class Tower(nn.Module):
    def __init__(self, backend):
        super().__init__()
        if backend not in {
            AttentionBackendEnum.FLASH_ATTN,
            # always there
            AttentionBackendEnum.TORCH_SDPA,
        }:
            raise RuntimeError("no such kernel")
        self.backend = backend

    def lengths(self, bounds):
        longest, lengths = None, None
        if self.backend == AttentionBackendEnum.FLASH_ATTN:
            longest = (bounds[1:] - bounds[:-1]).max()
        return longest, lengths

    def kind(self):
        if (
            self.backend == AttentionBackendEnum.FLASH_ATTN
        ):
            return "fast"
        if self.backend == AttentionBackendEnum.TORCH_SDPA:
            return "plain"
        else:
            return "other"
