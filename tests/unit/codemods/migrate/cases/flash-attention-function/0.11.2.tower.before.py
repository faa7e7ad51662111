import torch
from torch import nn

from vllm.attention.layer import maybe_get_vit_flash_attn_backend
from vllm.model_executor.models.vision import get_vit_attn_backend


class Tower(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.attn_backend = get_vit_attn_backend(size, torch.get_default_dtype())
        self.attn_backend, self.flash_attn_varlen_func = maybe_get_vit_flash_attn_backend(
            self.attn_backend, False
        )
        self.size = size
