# Copyright 2026 Heron Lab
# SPDX-License-Identifier: Apache-2.0
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file
# except in compliance with the License. You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the
# License is distributed on an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND.
"""Heron: slices of an image, each gathered to as many queries, for a Qwen2 that has its config."""

import torch
from transformers import Qwen2ForCausalLM, Qwen2PreTrainedModel, SiglipVisionModel

from .configuration_heron import HeronConfig
from .gathering_heron import GATHERINGS


class HeronPreTrainedModel(Qwen2PreTrainedModel):
    config_class = HeronConfig


class HeronForCausalLM(HeronPreTrainedModel):
    _tied_weights_keys = {}

    def __init__(self, config: HeronConfig):
        super().__init__(config)
        self.llm = Qwen2ForCausalLM(config)
        self.eye = self.make_eye()
        self.width = self.llm.config.hidden_size
        self.gathering = self.make_gathering(self.width, config.vision_config.hidden_size)
        self.processor = None
        self.post_init()

    def make_eye(self):
        eye = SiglipVisionModel(self.config.vision_config)
        eye.requires_grad_(False)
        return eye

    def make_gathering(self, width, patch_width):
        gathering = GATHERINGS[self.config.gathering]
        return gathering(self.config.queries, width, width // 32, patch_width)

    def get_input_embeddings(self):
        return self.llm.get_input_embeddings()

    def set_input_embeddings(self, value):
        self.llm.set_input_embeddings(value)

    def get_output_embeddings(self):
        return self.llm.lm_head

    def get_decoder(self):
        return self.llm.model

    def see(self, pixel_values, grid_sizes):
        pixel_values = pixel_values.to(self.llm.device, self.llm.dtype)
        states = self.eye(pixel_values, output_hidden_states=True).hidden_states[-2]
        return self.gathering(states, grid_sizes)

    def embed(self, input_ids, pixel_values, grid_sizes, image_places, slots):
        embeds = self.llm.model.embed_tokens(input_ids)
        seen = self.see(pixel_values, grid_sizes) if pixel_values is not None else None
        if seen is not None:
            embeds = embeds.clone()
            embeds[image_places] = seen[slots].to(embeds.dtype)
        return embeds

    def forward(
        self,
        input_ids=None,
        pixel_values=None,
        grid_sizes=None,
        image_places=None,
        slots=None,
        attention_mask=None,
        position_ids=None,
        past_key_values=None,
        inputs_embeds=None,
        **kwargs,
    ):
        if inputs_embeds is None:
            inputs_embeds = self.embed(input_ids, pixel_values, grid_sizes, image_places, slots)
        return self.llm(
            inputs_embeds=inputs_embeds,
            attention_mask=attention_mask,
            position_ids=position_ids,
            past_key_values=past_key_values,
            **kwargs,
        )

    @torch.no_grad()
    def generate(
        self,
        input_ids=None,
        pixel_values=None,
        grid_sizes=None,
        image_places=None,
        slots=None,
        attention_mask=None,
        **kwargs,
    ):
        embeds = self.embed(input_ids, pixel_values, grid_sizes, image_places, slots)
        return self.llm.generate(inputs_embeds=embeds, attention_mask=attention_mask, **kwargs)
