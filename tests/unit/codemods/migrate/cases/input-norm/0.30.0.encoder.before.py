from torch import nn

from vllm.model_executor.models.vision import FusedInputNorm, get_vit_attn_backend


class FinchEncoder(nn.Module):
    def __init__(self, input_norm: nn.Module | None = None) -> None:
        super().__init__()
        self.input_norm = input_norm if input_norm is not None else FusedInputNorm.identity()
        self.backend = get_vit_attn_backend


def build(model_config) -> FinchEncoder:
    return FinchEncoder(input_norm=FusedInputNorm.from_model_config(model_config))
