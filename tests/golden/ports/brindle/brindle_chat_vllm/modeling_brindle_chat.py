# Copyright 2026 Brindle Vision Group
# SPDX-License-Identifier: Apache-2.0
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file
# except in compliance with the License. You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the
# License is distributed on an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND.
# Carried from modeling_brindle_chat.py of brindle, less what is not used here.
"""Brindle: tiles of an image, four patches to a token by pixel shuffle, and a chat model."""

import torch
import torch.nn.functional as F
from torch import nn
from transformers import PreTrainedModel
from transformers.generation import GenerationMixin
from transformers.modeling_outputs import BaseModelOutput

from .configuration_brindle_chat import BrindleVisionConfig

NORM = {"layer_norm": nn.LayerNorm, "rms_norm": nn.RMSNorm}


class BrindleEmbeddings(nn.Module):
    def __init__(self, config: BrindleVisionConfig):
        super().__init__()
        self.config = config
        self.class_embedding = nn.Parameter(torch.randn(1, 1, config.hidden_size))
        self.patch_embedding = nn.Conv2d(
            3, config.hidden_size, kernel_size=config.patch_size, stride=config.patch_size
        )
        count = (config.image_size // config.patch_size) ** 2 + 1
        self.position_embedding = nn.Parameter(torch.randn(1, count, config.hidden_size))

    def _get_pos_embed(self, height, width):
        """The table, stretched to a grid of another size."""
        side = self.config.image_size // self.config.patch_size
        if (height, width) == (side, side):
            return self.position_embedding[:, 1:]
        table = self.position_embedding[:, 1:].float().reshape(1, side, side, -1).permute(0, 3, 1, 2)
        table = F.interpolate(table, size=(height, width), mode="bicubic", align_corners=False)
        return table.flatten(2).transpose(1, 2).to(self.position_embedding.dtype)

    def forward(self, pixel_values):
        patches = self.patch_embedding(pixel_values)
        batch, _, height, width = patches.shape
        patches = patches.flatten(2).transpose(1, 2) + self._get_pos_embed(height, width)
        first = (self.class_embedding + self.position_embedding[:, :1]).expand(batch, -1, -1)
        return torch.cat([first, patches], dim=1)


class BrindleAttention(nn.Module):
    def __init__(self, config: BrindleVisionConfig):
        super().__init__()
        self.num_heads = config.num_attention_heads
        self.head_dim = config.hidden_size // self.num_heads
        self.scale = self.head_dim**-0.5
        self.qkv = nn.Linear(config.hidden_size, 3 * config.hidden_size, bias=False)
        self.qk_normalization = config.qk_normalization
        if self.qk_normalization:
            self.q_norm = NORM["rms_norm"](config.hidden_size, eps=config.layer_norm_eps)
            self.k_norm = NORM["rms_norm"](config.hidden_size, eps=config.layer_norm_eps)
        self.proj = nn.Linear(config.hidden_size, config.hidden_size)

    def forward(self, hidden_states):
        batch, length, width = hidden_states.shape
        q, k, v = self.qkv(hidden_states).chunk(3, dim=-1)
        if self.qk_normalization:
            q, k = self.q_norm(q), self.k_norm(k)
        q, k, v = (
            x.view(batch, length, self.num_heads, self.head_dim).transpose(1, 2) for x in (q, k, v)
        )
        weights = ((q * self.scale) @ k.transpose(-2, -1)).softmax(dim=-1)
        return self.proj((weights @ v).transpose(1, 2).reshape(batch, length, width))


class BrindleLayer(nn.Module):
    def __init__(self, config: BrindleVisionConfig):
        super().__init__()
        self.attn = BrindleAttention(config)
        self.mlp = nn.Sequential(
            nn.Linear(config.hidden_size, config.intermediate_size),
            nn.GELU(),
            nn.Linear(config.intermediate_size, config.hidden_size),
        )
        self.norm1 = NORM["layer_norm"](config.hidden_size, eps=config.layer_norm_eps)
        self.norm2 = NORM["layer_norm"](config.hidden_size, eps=config.layer_norm_eps)
        self.ls1 = nn.Parameter(config.initializer_factor * torch.ones(config.hidden_size))
        self.ls2 = nn.Parameter(config.initializer_factor * torch.ones(config.hidden_size))

    def forward(self, hidden_states):
        hidden_states = hidden_states + self.attn(self.norm1(hidden_states)) * self.ls1
        return hidden_states + self.mlp(self.norm2(hidden_states)) * self.ls2


class BrindleVisionModel(PreTrainedModel):
    main_input_name = "pixel_values"
    config_class = BrindleVisionConfig
    _no_split_modules = ["BrindleLayer"]

    def __init__(self, config: BrindleVisionConfig):
        super().__init__(config)
        self.embeddings = BrindleEmbeddings(config)
        self.encoder = nn.ModuleList(BrindleLayer(config) for _ in range(config.num_hidden_layers))
        self.post_init()

    def get_input_embeddings(self):
        return self.embeddings

    def forward(self, pixel_values=None, output_hidden_states=False):
        hidden_states = self.embeddings(pixel_values)
        states = [hidden_states]
        for layer in self.encoder:
            hidden_states = layer(hidden_states)
            states.append(hidden_states)
        return BaseModelOutput(
            last_hidden_state=hidden_states,
            hidden_states=tuple(states) if output_hidden_states else None,
        )


class BrindleChatModel(PreTrainedModel, GenerationMixin):
    main_input_name = "pixel_values"
    base_model_prefix = "language_model"
    _supports_sdpa = True
    _tied_weights_keys = {}
    _no_split_modules = ["BrindleLayer", "LlamaDecoderLayer", "Qwen3DecoderLayer"]

    def pixel_shuffle(self, x, scale_factor=0.5):
        n, h, w, c = x.size()
        x = x.reshape(n, h, int(w * scale_factor), int(c / scale_factor))
        x = x.permute(0, 2, 1, 3).contiguous()
        x = x.view(n, int(w * scale_factor), int(h * scale_factor), int(c / scale_factor**2))
        return x.permute(0, 2, 1, 3).contiguous()

    def extract_feature(self, pixel_values):
        if self.select_layer == -1:
            vit_embeds = self.vision_model(pixel_values=pixel_values).last_hidden_state
        else:
            vit_embeds = self.vision_model(
                pixel_values=pixel_values, output_hidden_states=True
            ).hidden_states[self.select_layer]
        vit_embeds = vit_embeds[:, 1:, :]
        h = w = int(vit_embeds.shape[1] ** 0.5)
        vit_embeds = vit_embeds.reshape(vit_embeds.shape[0], h, w, -1)
        vit_embeds = self.pixel_shuffle(vit_embeds, scale_factor=self.downsample_ratio)
        vit_embeds = vit_embeds.reshape(vit_embeds.shape[0], -1, vit_embeds.shape[-1])
        return self.mlp1(vit_embeds)
