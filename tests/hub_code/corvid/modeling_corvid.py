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
"""Corvid: a SigLIP tower whose patches a few learned latents gather, for a Llama."""

from dataclasses import dataclass
from typing import Optional

import torch
from torch import nn
from transformers import AutoModel, GenerationMixin, PreTrainedModel, SiglipVisionModel
from transformers.activations import ACT2FN
from transformers.modeling_outputs import ModelOutput

from .configuration_corvid import CorvidConfig


@dataclass
class CorvidOutput(ModelOutput):
    loss: Optional[torch.FloatTensor] = None
    logits: Optional[torch.FloatTensor] = None
    past_key_values: Optional[tuple] = None
    image_hidden_states: Optional[torch.FloatTensor] = None


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
    config_class = CorvidConfig
    base_model_prefix = "model"
    _supports_sdpa = True
    _no_split_modules = ["CorvidResampler"]

    def _init_weights(self, module):
        super()._init_weights(module)
        if isinstance(module, CorvidResampler):
            nn.init.normal_(module.latents, std=0.02)


class CorvidModel(CorvidPreTrainedModel):
    def __init__(self, config: CorvidConfig):
        super().__init__(config)
        self.vision_tower = SiglipVisionModel(config.vision_config)
        self.resampler = CorvidResampler(config)
        self.visual_proj = nn.Linear(config.resampler_hidden_size, config.text_config.hidden_size)
        self.text_model = AutoModel.from_config(config.text_config)
        self.vocab_size = config.text_config.vocab_size
        self.post_init()

    def get_input_embeddings(self):
        return self.text_model.get_input_embeddings()

    def set_input_embeddings(self, value):
        self.text_model.set_input_embeddings(value)

    def forward(
        self,
        input_ids: torch.LongTensor = None,
        images: Optional[torch.FloatTensor] = None,
        attention_mask: Optional[torch.Tensor] = None,
        position_ids: Optional[torch.LongTensor] = None,
        past_key_values=None,
        inputs_embeds: Optional[torch.FloatTensor] = None,
        use_cache: Optional[bool] = None,
        **kwargs,
    ):
        if inputs_embeds is None:
            inputs_embeds = self.get_input_embeddings()(input_ids)

        visual_tokens = None
        if images is not None and input_ids.shape[1] != 1:
            tower_out = self.vision_tower(
                images.to(self.vision_tower.dtype), output_hidden_states=True
            )
            patches = tower_out.hidden_states[self.config.vision_feature_layer]
            visual_tokens = self.resampler(patches)
            visual_tokens = self.visual_proj(visual_tokens)
            # One row of latents an image, in the order of the placeholders.
            special_mask = (input_ids == self.config.image_token_index).unsqueeze(-1)
            special_mask = special_mask.expand_as(inputs_embeds)
            inputs_embeds = inputs_embeds.masked_scatter(
                special_mask, visual_tokens.to(inputs_embeds.dtype)
            )

        outputs = self.text_model(
            inputs_embeds=inputs_embeds,
            attention_mask=attention_mask,
            position_ids=position_ids,
            past_key_values=past_key_values,
            use_cache=use_cache,
            **kwargs,
        )
        return outputs, visual_tokens


class CorvidForConditionalGeneration(CorvidPreTrainedModel, GenerationMixin):
    _tied_weights_keys = {}

    def __init__(self, config: CorvidConfig):
        super().__init__(config)
        self.model = CorvidModel(config)
        self.lm_head = nn.Linear(
            config.text_config.hidden_size, config.text_config.vocab_size, bias=False
        )
        self.post_init()

    def get_input_embeddings(self):
        return self.model.get_input_embeddings()

    def get_output_embeddings(self):
        return self.lm_head

    def forward(
        self,
        input_ids: torch.LongTensor = None,
        images: Optional[torch.FloatTensor] = None,
        attention_mask: Optional[torch.Tensor] = None,
        position_ids: Optional[torch.LongTensor] = None,
        past_key_values=None,
        inputs_embeds: Optional[torch.FloatTensor] = None,
        labels: Optional[torch.LongTensor] = None,
        use_cache: Optional[bool] = None,
        **kwargs,
    ) -> CorvidOutput:
        outputs, visual_tokens = self.model(
            input_ids=input_ids,
            images=images,
            attention_mask=attention_mask,
            position_ids=position_ids,
            past_key_values=past_key_values,
            inputs_embeds=inputs_embeds,
            use_cache=use_cache,
            **kwargs,
        )
        logits = self.lm_head(outputs.last_hidden_state)
        loss = None
        if labels is not None:
            loss = self.loss_function(logits, labels, self.config.text_config.vocab_size)
        return CorvidOutput(
            loss=loss,
            logits=logits,
            past_key_values=outputs.past_key_values,
            image_hidden_states=visual_tokens,
        )

    def prepare_inputs_for_generation(self, input_ids, images=None, **kwargs):
        inputs = super().prepare_inputs_for_generation(input_ids, **kwargs)
        inputs["images"] = images
        return inputs
