import torch
from torch import nn
from transformers.models.pixtral.modeling_pixtral import (
    PixtralRotaryEmbedding,
    apply_rotary_pos_emb,
    position_ids_in_meshgrid,
)


class Encoder(nn.Module):
    def __init__(self, config) -> None:
        super().__init__()
        self.rotary = PixtralRotaryEmbedding(config, "cpu")

    def forward(self, patches: list[torch.Tensor], q, k):
        ids = position_ids_in_meshgrid(patches, max_width=8)
        cos, sin = self.rotary(patches[0], ids)
        return apply_rotary_pos_emb(q, k, cos, sin)
