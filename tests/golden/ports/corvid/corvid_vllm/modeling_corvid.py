# Copyright 2026 Corvid Research
# SPDX-License-Identifier: Apache-2.0
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file
# except in compliance with the License. You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the
# License is distributed on an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND.
# Carried from modeling_corvid.py of corvid, less what is not used here.
"""Corvid: a SigLIP tower whose patches a few learned latents gather, for a Llama."""

import torch
from torch import nn
from transformers import PreTrainedModel
from transformers.activations import ACT2FN

from .configuration_corvid import CorvidConfig


class CorvidCrossAttention(nn.Module):
    """Latents look at the patches and at one another."""

    def __init__(self, config):
        super().__init__()
        width = config.resampler_hidden_size
        self.heads = config.resampler_heads
        self.norm_media = nn.LayerNorm(width)
        self.norm_latents = nn.LayerNorm(width)
        self.to_q = nn.Linear(width, width, bias=False)
        self.to_kv = nn.Linear(width, 2 * width, bias=False)
        self.to_out = nn.Linear(width, width, bias=False)

    def forward(self, media, latents):
        media, latents = self.norm_media(media), self.norm_latents(latents)
        query = self._split(self.to_q(latents))
        key, value = self.to_kv(torch.cat([media, latents], dim=1)).chunk(2, dim=-1)
        key, value = self._split(key), self._split(value)
        scores = torch.einsum("bhld,bhpd->bhlp", query * query.shape[-1] ** -0.5, key)
        scores = scores - scores.amax(dim=-1, keepdim=True)
        gathered = torch.einsum("bhlp,bhpd->bhld", scores.softmax(dim=-1), value)
        return self.to_out(gathered.transpose(1, 2).flatten(2))

    def _split(self, states):
        return states.unflatten(-1, (self.heads, -1)).transpose(1, 2)


class CorvidFeedForward(nn.Module):
    def __init__(self, width, act="gelu"):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.up = nn.Linear(width, 4 * width, bias=False)
        self.down = nn.Linear(4 * width, width, bias=False)
        self.act = ACT2FN[act]

    def forward(self, states):
        return self.down(self.act(self.up(self.norm(states))))


class CorvidResampler(nn.Module):
    def __init__(self, config: CorvidConfig):
        super().__init__()
        width = config.resampler_hidden_size
        self.latents = nn.Parameter(torch.randn(config.num_latents, width))
        self.proj_in = nn.Linear(config.vision_config.hidden_size, width)
        self.layers = nn.ModuleList(
            nn.ModuleList([CorvidCrossAttention(config), CorvidFeedForward(width)])
            for _ in range(config.resampler_depth)
        )
        self.norm_out = nn.LayerNorm(width)

    def forward(self, media):
        media = self.proj_in(media)
        latents = self.latents.unsqueeze(0).expand(media.shape[0], -1, -1)
        for attention, feed_forward in self.layers:
            latents = latents + attention(media, latents)
            latents = latents + feed_forward(latents)
        return self.norm_out(latents)


class CorvidPreTrainedModel(PreTrainedModel):
    base_model_prefix = "model"
    _supports_sdpa = True
    _no_split_modules = ["CorvidResampler"]


class CorvidModel(CorvidPreTrainedModel):
    pass
