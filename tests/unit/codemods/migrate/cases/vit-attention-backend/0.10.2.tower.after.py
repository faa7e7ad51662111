import torch
from torch import nn

from vllm.model_executor.models.vision import get_vit_attn_backend


class Tower(nn.Module):
    def __init__(self, config):
        super().__init__()
        head_dim = config.hidden_size // config.num_heads
        self.rotary = nn.Linear(head_dim, head_dim)
        self.attn_backend = get_vit_attn_backend(head_size=head_dim, dtype=torch.get_default_dtype())
