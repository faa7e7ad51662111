from torch import nn

from vllm.attention.layer import maybe_get_vit_flash_attn_backend


class Tower(nn.Module):
    def __init__(self, backend):
        super().__init__()
        self.backend = backend
        self.backend, self.kernel = maybe_get_vit_flash_attn_backend(self.backend, False)

    def forward(self, q, k, v):
        return self.kernel(q, k, v)
