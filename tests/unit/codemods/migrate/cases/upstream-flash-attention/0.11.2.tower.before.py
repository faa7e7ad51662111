import torch
from torch import nn

from vllm.attention.backends.registry import AttentionBackendEnum
from vllm.attention.layer import check_upstream_fa_availability
from vllm.model_executor.models.vision import get_vit_attn_backend


class Tower(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.backend = get_vit_attn_backend(size, torch.get_default_dtype())
        foreign = False
        if self.backend != AttentionBackendEnum.FLASH_ATTN and check_upstream_fa_availability(
            torch.get_default_dtype()
        ):
            self.backend = AttentionBackendEnum.FLASH_ATTN
            foreign = True
        self.foreign = foreign
