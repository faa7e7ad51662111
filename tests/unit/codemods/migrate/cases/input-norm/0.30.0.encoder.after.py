from torch import nn

from vllm.model_executor.layers.fusion.mm_input_norm import (
    IdentityInputNorm,
    build_mm_input_norm,
)
from vllm.model_executor.models.vision import get_vit_attn_backend


class FinchEncoder(nn.Module):
    def __init__(self, input_norm: nn.Module | None = None) -> None:
        super().__init__()
        self.input_norm = input_norm if input_norm is not None else IdentityInputNorm()
        self.backend = get_vit_attn_backend


def build(model_config) -> FinchEncoder:
    return FinchEncoder(input_norm=build_mm_input_norm(model_config))
