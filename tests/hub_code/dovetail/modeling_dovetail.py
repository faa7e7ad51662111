# Copyright 2026 Dovetail Labs
# SPDX-License-Identifier: Apache-2.0
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file
# except in compliance with the License. You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the
# License is distributed on an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND.
"""Dovetail: two towers over the same packed patches, one for meaning and one for detail."""

from typing import List, Optional, Tuple

import torch
import torch.nn.functional as F
from torch import nn
from transformers import AutoModelForCausalLM, GenerationMixin, PreTrainedModel
from transformers.activations import ACT2FN

from .configuration_dovetail import DovetailConfig, DovetailTowerConfig

try:
    from flash_attn import flash_attn_varlen_func
except ImportError:
    flash_attn_varlen_func = None


def grid_positions(grid_hw: torch.Tensor, device: torch.device) -> torch.Tensor:
    """Row and column of every packed patch, (patches, 2)."""
    grids = []
    for height, width in grid_hw.tolist():
        rows = torch.arange(height, device=device).repeat_interleave(width)
        columns = torch.arange(width, device=device).repeat(height)
        grids.append(torch.stack([rows, columns], dim=-1))
    return torch.cat(grids)


def rotary_table(positions: torch.Tensor, width: int, theta: float):
    """Cosines and sines: rows turn the first half of a head, columns the second."""
    quarter = width // 4
    exponents = torch.arange(quarter, dtype=torch.float32, device=positions.device) / quarter
    angles = positions.float().unsqueeze(-1) * theta**-exponents
    angles = angles.flatten(1).repeat_interleave(2, dim=-1)
    return angles.cos(), angles.sin()


def rotate(states: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    even, odd = states.float()[..., 0::2], states.float()[..., 1::2]
    turned = torch.stack([-odd, even], dim=-1).flatten(-2)
    return (states.float() * cos[:, None] + turned * sin[:, None]).to(states.dtype)


def attend_within(q, k, v, lengths: List[int]):
    """Attention among the patches of each image: (patches, heads, width) each."""
    if flash_attn_varlen_func is not None and q.is_cuda and q.dtype != torch.float32:
        ends = F.pad(torch.tensor(lengths, device=q.device).cumsum(0), (1, 0)).to(torch.int32)
        return flash_attn_varlen_func(q, k, v, ends, ends, max(lengths), max(lengths))
    owner = torch.repeat_interleave(
        torch.arange(len(lengths), device=q.device), torch.tensor(lengths, device=q.device)
    )
    mask = owner[:, None] == owner[None, :]
    q, k, v = (x.transpose(0, 1).unsqueeze(0) for x in (q, k, v))
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask)[0].transpose(0, 1)


class DovetailRMSNorm(nn.Module):
    def __init__(self, width: int, eps: float = 1e-6):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x):
        scale = torch.rsqrt(x.float().pow(2).mean(-1, keepdim=True) + self.eps)
        return self.weight * (x.float() * scale).to(x.dtype)


class DovetailTowerLayer(nn.Module):
    def __init__(self, config: DovetailTowerConfig):
        super().__init__()
        norm = DovetailRMSNorm if config.position_type == "rope" else nn.LayerNorm
        width = config.hidden_size
        self.head_width = config.head_width
        self.norm_attn = norm(width)
        self.q_proj = nn.Linear(width, width)
        self.k_proj = nn.Linear(width, width, bias=False)
        self.v_proj = nn.Linear(width, width)
        self.o_proj = nn.Linear(width, width)
        self.norm_mlp = norm(width)
        self.gate_proj = nn.Linear(width, config.intermediate_size)
        self.up_proj = nn.Linear(width, config.intermediate_size)
        self.down_proj = nn.Linear(config.intermediate_size, width)
        self.act = ACT2FN["silu"]

    def forward(self, x, lengths, rotary: Optional[Tuple[torch.Tensor, torch.Tensor]]):
        normed = self.norm_attn(x)
        q, k, v = (
            proj(normed).unflatten(-1, (-1, self.head_width))
            for proj in (self.q_proj, self.k_proj, self.v_proj)
        )
        if rotary is not None:
            q, k = rotate(q, *rotary), rotate(k, *rotary)
        x = x + self.o_proj(attend_within(q, k, v, lengths).flatten(1))
        normed = self.norm_mlp(x)
        return x + self.down_proj(self.act(self.gate_proj(normed)) * self.up_proj(normed))


class DovetailTower(nn.Module):
    """A transformer over packed patches of images of any size."""

    def __init__(self, config: DovetailTowerConfig):
        super().__init__()
        self.config = config
        self.patch_embed = nn.Linear(3 * config.patch_size**2, config.hidden_size)
        if config.position_type == "table":
            self.row_embed = nn.Embedding(config.max_grid, config.hidden_size)
            self.column_embed = nn.Embedding(config.max_grid, config.hidden_size)
        self.layers = nn.ModuleList(
            DovetailTowerLayer(config) for _ in range(config.num_hidden_layers)
        )

    def forward(self, patches, grid_hw):
        x = self.patch_embed(patches)
        positions = grid_positions(grid_hw, x.device)
        rotary = None
        if self.config.position_type == "table":
            x = x + self.row_embed(positions[:, 0]) + self.column_embed(positions[:, 1])
        else:
            rotary = rotary_table(positions, self.config.head_width, self.config.rope_theta)
        lengths = grid_hw.prod(dim=-1).tolist()
        for layer in self.layers:
            x = layer(x, lengths, rotary)
        return x


class DovetailMerger(nn.Module):
    """Joins neighbouring patches, square by square, to one token."""

    def __init__(self, width: int, out: int, merge_size: int):
        super().__init__()
        self.merge_size = merge_size
        self.norm = nn.LayerNorm(width)
        self.mlp = nn.ModuleList(
            [nn.Linear(width * merge_size**2, out), nn.GELU(), nn.Linear(out, out)]
        )

    def forward(self, x, grid_hw):
        side, squares = self.merge_size, []
        sizes = grid_hw.tolist()
        for image, (height, width) in zip(self.norm(x).split([h * w for h, w in sizes]), sizes):
            grid = image.view(height // side, side, width // side, side, -1)
            squares.append(grid.permute(0, 2, 1, 3, 4).flatten(2).flatten(0, 1))
        x = torch.cat(squares)
        for layer in self.mlp:
            x = layer(x)
        return x


class DovetailForConditionalGeneration(PreTrainedModel, GenerationMixin):
    config: DovetailConfig
    config_class = DovetailConfig
    _supports_sdpa = True
    _tied_weights_keys = {}

    def __init__(self, config: DovetailConfig):
        super().__init__(config)
        self.semantic = DovetailTower(config.semantic_config)
        self.detail = DovetailTower(config.detail_config)
        width = config.semantic_config.hidden_size + config.detail_config.hidden_size
        self.merger = DovetailMerger(width, config.language_config.hidden_size, config.merge_size)
        self.llm = AutoModelForCausalLM.from_config(config.language_config)
        self.post_init()

    def get_input_embeddings(self):
        return self.llm.get_input_embeddings()

    def get_output_embeddings(self):
        return self.llm.get_output_embeddings()

    def get_decoder(self):
        return self.llm.get_decoder()

    def _encode(self, tower: nn.Module, patches: torch.Tensor, grid_hw: torch.Tensor):
        return tower(patches.to(self.merger.norm.weight.dtype), grid_hw)

    def get_visual_embeds(self, pixel_values: torch.Tensor, grid_hw: torch.Tensor) -> torch.Tensor:
        both = [self._encode(tower, pixel_values, grid_hw) for tower in (self.semantic, self.detail)]
        return self.merger(torch.cat(both, dim=-1), grid_hw)

    def forward(
        self,
        input_ids: Optional[torch.Tensor] = None,
        attention_mask: Optional[torch.Tensor] = None,
        position_ids: Optional[torch.Tensor] = None,
        past_key_values=None,
        inputs_embeds: Optional[torch.Tensor] = None,
        pixel_values: Optional[torch.Tensor] = None,
        grid_hw: Optional[torch.Tensor] = None,
        **kwargs,
    ):
        if inputs_embeds is None:
            inputs_embeds = self.get_input_embeddings()(input_ids)
        if pixel_values is not None:
            visual = self.get_visual_embeds(pixel_values, grid_hw).to(inputs_embeds)
            mask = (input_ids == self.config.image_token_id)[..., None].expand_as(inputs_embeds)
            inputs_embeds = inputs_embeds.masked_scatter(mask, visual)
        return self.llm(
            attention_mask=attention_mask,
            position_ids=position_ids,
            past_key_values=past_key_values,
            inputs_embeds=inputs_embeds,
            **kwargs,
        )

    def prepare_inputs_for_generation(self, input_ids, past_key_values=None, **kwargs):
        started = past_key_values is not None and past_key_values.get_seq_length() > 0
        if started:
            kwargs = {**kwargs, "pixel_values": None, "grid_hw": None}
        return super().prepare_inputs_for_generation(
            input_ids, past_key_values=past_key_values, **kwargs
        )
