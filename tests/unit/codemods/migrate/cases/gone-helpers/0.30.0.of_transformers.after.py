import torch
from torch import nn
from transformers.models.pixtral.modeling_pixtral import apply_rotary_pos_emb


def position_ids_in_meshgrid(patch_embeds_list, max_width: int) -> torch.Tensor:
    # A patch's place counts along the rows of the largest image.
    places = []
    for patches in patch_embeds_list:
        rows, columns = patches.shape[-2:]
        first = torch.arange(rows).unsqueeze(1) * max_width
        places.append((first + torch.arange(columns)).flatten())
    return torch.cat(places)


class PixtralRotaryEmbedding(nn.Module):
    def __init__(self, config, device=None) -> None:
        super().__init__()
        side = config.image_size // config.patch_size
        dim = config.head_dim
        places = torch.arange(side, device=device).float()
        powers = torch.arange(0, dim, 2, device=device).float() / dim
        frequencies = config.rope_parameters["rope_theta"] ** -powers
        # Every other frequency turns with the row, and those between with the column.
        rows = torch.outer(places, frequencies[::2])
        columns = torch.outer(places, frequencies[1::2])
        angles = torch.cat(
            [
                rows[:, None, :].expand(side, side, -1),
                columns[None, :, :].expand(side, side, -1),
            ],
            dim=-1,
        ).reshape(side * side, dim // 2)
        self.register_buffer("angles", torch.cat([angles, angles], dim=-1), False)

    def forward(self, x: torch.Tensor, position_ids: torch.Tensor):
        angles = self.angles[position_ids].to(x.device)
        return angles.cos().to(x.dtype), angles.sin().to(x.dtype)


class Encoder(nn.Module):
    def __init__(self, config) -> None:
        super().__init__()
        self.rotary = PixtralRotaryEmbedding(config, "cpu")

    def forward(self, patches: list[torch.Tensor], q, k):
        ids = position_ids_in_meshgrid(patches, max_width=8)
        cos, sin = self.rotary(patches[0], ids)
        return apply_rotary_pos_emb(q, k, cos, sin)
