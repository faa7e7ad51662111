"""The model of a small stand-in for Phi-3.5-vision: its names and arithmetic, our code."""

import torch
from torch import nn
from transformers import CLIPVisionConfig, CLIPVisionModel, Phi3Config, Phi3Model, PreTrainedModel

from .configuration_phi3_v import Phi3VConfig

SMALL_CLIP_CONFIG = CLIPVisionConfig(
    hidden_act="quick_gelu",
    hidden_size=64,
    image_size=56,
    intermediate_size=96,
    num_attention_heads=4,
    num_hidden_layers=3,
    patch_size=14,
    projection_dim=32,
)


class Phi3ImageEmbedding(nn.Module):
    def __init__(self, config, wte):
        super().__init__()
        self.wte = wte
        self.img_processor = CLIPVisionModel(SMALL_CLIP_CONFIG)
        self.layer = config.img_processor.get("layer_idx", -2)
        width = 4 * config.img_processor["image_dim_out"]
        self.glb_GN = nn.Parameter(torch.zeros(1, 1, width))
        self.sub_GN = nn.Parameter(torch.zeros(1, 1, 1, width))
        hidden = config.hidden_size
        self.img_projection = nn.Sequential(
            nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, hidden)
        )

    def image_features(self, pixel_values, image_size):
        """Embed one image: (1 + tiles, 3, side, side) and its padded height and width."""
        states = self.img_processor(pixel_values, output_hidden_states=True).hidden_states
        patches = states[self.layer][:, 1:]
        side = SMALL_CLIP_CONFIG.image_size
        high, wide = image_size[0] // side, image_size[1] // side
        parts = [patches[1 + row * wide : 1 + (row + 1) * wide] for row in range(high)]
        lines = [self.rows(torch.cat([self.square(tile) for tile in part], 1)) for part in parts]
        whole = self.rows(self.square(patches[0]))
        return self.img_projection(torch.cat([*lines, self.glb_GN[0], whole]))

    def square(self, tile):
        """Merge 2 x 2 patches of a tile: (patches, width) to (half, half, 4 * width)."""
        side = int(len(tile) ** 0.5)
        grid = tile.view(side, side, -1)
        corners = [grid[row::2, column::2] for row in (0, 1) for column in (0, 1)]
        return torch.cat(corners, dim=-1)

    def rows(self, grid):
        """End each row of a grid in a separator: (rows, columns, width) to (tokens, width)."""
        ended = [torch.cat([row, self.sub_GN[0, 0]]) for row in grid]
        return torch.cat(ended)


class Phi3VModel(PreTrainedModel):
    config_class = Phi3VConfig

    def __init__(self, config):
        super().__init__(config)
        names = set(Phi3Config().to_dict()) - {"model_type", "architectures", "auto_map"}
        plain = {key: value for key, value in config.to_dict().items() if key in names}
        decoder = Phi3Model(Phi3Config(**plain))
        self.embed_tokens, self.layers, self.norm = (
            decoder.embed_tokens,
            decoder.layers,
            decoder.norm,
        )
        self.vision_embed_tokens = Phi3ImageEmbedding(config, self.embed_tokens)
        self._decoder = [decoder]

    def forward(self, inputs_embeds):
        return self._decoder[0](inputs_embeds=inputs_embeds, use_cache=False).last_hidden_state


class Phi3VForCausalLM(PreTrainedModel):
    config_class = Phi3VConfig

    def __init__(self, config):
        super().__init__(config)
        self.model = Phi3VModel(config)
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)

    def get_input_embeddings(self):
        return self.model.embed_tokens

    def forward(self, inputs_embeds):
        return self.lm_head(self.model(inputs_embeds))
