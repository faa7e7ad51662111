import torch
from torch import nn

from vllm.model_executor.models.vision import get_vit_attn_backend


class Tower(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.attn_backend = get_vit_attn_backend(size, torch.get_default_dtype())
        self.size = size
