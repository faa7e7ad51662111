# Copyright 2026 The Aldine Project
# SPDX-License-Identifier: Apache-2.0
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file
# except in compliance with the License. You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the
# License is distributed on an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND.
"""Aldine: a plain vision transformer whose patches a Qwen2 decoder reads."""

import torch
import torch.nn.functional as F
from torch import nn
from transformers import AutoModelForCausalLM, GenerationMixin, PreTrainedModel
from transformers.modeling_outputs import CausalLMOutputWithPast
from transformers.utils import logging

from .configuration_aldine import AldineConfig, AldineVisionConfig

logger = logging.get_logger(__name__)


class AldineStem(nn.Module):
    """Cuts an image into patches, and puts a register before them."""

    def __init__(self, config: AldineVisionConfig):
        super().__init__()
        side = config.image_size // config.patch_size
        self.proj = nn.Conv2d(3, config.hidden_size, config.patch_size, config.patch_size)
        self.register = nn.Parameter(torch.zeros(1, 1, config.hidden_size))
        self.positions = nn.Parameter(torch.zeros(1, 1 + side * side, config.hidden_size))

    def forward(self, pixel_values):
        patches = self.proj(pixel_values).flatten(2).transpose(1, 2)
        register = self.register.expand(patches.shape[0], -1, -1)
        return torch.cat([register, patches], dim=1) + self.positions


class AldineAttention(nn.Module):
    def __init__(self, config: AldineVisionConfig):
        super().__init__()
        self.heads = config.num_attention_heads
        self.qkv = nn.Linear(config.hidden_size, 3 * config.hidden_size)
        self.out = nn.Linear(config.hidden_size, config.hidden_size)

    def forward(self, x):
        batch, length, width = x.shape
        qkv = self.qkv(x).view(batch, length, 3, self.heads, width // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(q, k, v)
        return self.out(mixed.transpose(1, 2).reshape(batch, length, width))


class AldineBlock(nn.Module):
    def __init__(self, config: AldineVisionConfig):
        super().__init__()
        width = config.hidden_size
        self.ln1 = nn.LayerNorm(width, eps=1e-6)
        self.attn = AldineAttention(config)
        self.gamma1 = nn.Parameter(config.layer_scale_init * torch.ones(width))
        self.ln2 = nn.LayerNorm(width, eps=1e-6)
        self.fc1 = nn.Linear(width, config.intermediate_size)
        self.fc2 = nn.Linear(config.intermediate_size, width)
        self.gamma2 = nn.Parameter(config.layer_scale_init * torch.ones(width))

    def forward(self, x):
        x = x + self.gamma1 * self.attn(self.ln1(x))
        return x + self.gamma2 * self.fc2(F.gelu(self.fc1(self.ln2(x)), approximate="tanh"))


class AldineViT(nn.Module):
    def __init__(self, config: AldineVisionConfig):
        super().__init__()
        self.stem = AldineStem(config)
        self.blocks = nn.ModuleList(AldineBlock(config) for _ in range(config.num_hidden_layers))
        self.ln_post = nn.LayerNorm(config.hidden_size, eps=1e-6)

    def forward(self, pixel_values):
        x = self.stem(pixel_values)
        for block in self.blocks:
            x = block(x)
        return self.ln_post(x)


class AldineForCausalLM(PreTrainedModel, GenerationMixin):
    config_class = AldineConfig
    base_model_prefix = "lm"
    supports_gradient_checkpointing = False
    _supports_sdpa = True
    _no_split_modules = ["AldineBlock"]
    _tied_weights_keys = {}

    def __init__(self, config: AldineConfig):
        super().__init__(config)
        width = config.text_config.hidden_size
        self.eye = AldineViT(config.vision_config)
        self.bridge = nn.Sequential(
            nn.Linear(config.vision_config.hidden_size, width),
            nn.GELU(),
            nn.Linear(width, width),
        )
        self.lm = AutoModelForCausalLM.from_config(config.text_config)
        self.post_init()

    def get_input_embeddings(self):
        return self.lm.get_input_embeddings()

    def set_input_embeddings(self, value):
        self.lm.set_input_embeddings(value)

    def get_output_embeddings(self):
        return self.lm.get_output_embeddings()

    def encode_images(self, pixel_values):
        states = self.eye(pixel_values.to(self.eye.ln_post.weight.dtype))
        return self.bridge(states[:, 1:])

    def forward(
        self,
        input_ids=None,
        pixel_values=None,
        attention_mask=None,
        position_ids=None,
        past_key_values=None,
        inputs_embeds=None,
        use_cache=None,
        **kwargs,
    ) -> CausalLMOutputWithPast:
        if inputs_embeds is None:
            inputs_embeds = self.get_input_embeddings()(input_ids)
            if pixel_values is not None:
                features = self.encode_images(pixel_values).flatten(0, 1)
                chosen = input_ids == self.config.image_token_id
                if int(chosen.sum()) != len(features):
                    raise ValueError(f"{int(chosen.sum())} tokens for {len(features)} features")
                inputs_embeds = inputs_embeds.clone()
                inputs_embeds[chosen] = features.to(inputs_embeds.dtype)
        return self.lm(
            inputs_embeds=inputs_embeds,
            attention_mask=attention_mask,
            position_ids=position_ids,
            past_key_values=past_key_values,
            use_cache=use_cache,
            **kwargs,
        )

    def prepare_inputs_for_generation(self, input_ids, pixel_values=None, **kwargs):
        cache = kwargs.get("past_key_values")
        inputs = super().prepare_inputs_for_generation(input_ids, **kwargs)
        if cache is None or cache.get_seq_length() == 0:
            inputs["pixel_values"] = pixel_values
        return inputs
