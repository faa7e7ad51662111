# Copyright 2026 Fathom Institute
# SPDX-License-Identifier: Apache-2.0
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file
# except in compliance with the License. You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the
# License is distributed on an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND.
"""Fathom: several layers of a CLIP tower, cropped to what the image covers, for a Granite."""

from typing import List, Optional

import torch
from torch import nn
from transformers import AutoModel, GenerationMixin, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutputWithPast, CausalLMOutputWithPast

from .configuration_fathom import FathomConfig
from .projector_fathom import FathomProjector, crop_to_content


class FathomPreTrainedModel(PreTrainedModel):
    config_class = FathomConfig
    base_model_prefix = "model"
    _supports_sdpa = True

    def _init_weights(self, module):
        super()._init_weights(module)
        if isinstance(module, FathomModel):
            module.image_newline.data.normal_(std=module.config.text_config.hidden_size**-0.5)


class FathomModel(FathomPreTrainedModel):
    def __init__(self, config: FathomConfig):
        super().__init__(config)
        self.vision_encoder = AutoModel.from_config(config.vision_config)
        self.projector = FathomProjector(config)
        self.image_newline = nn.Parameter(torch.zeros(config.text_config.hidden_size))
        self.language_model = AutoModel.from_config(config.text_config)
        self.cell = config.vision_config.patch_size * config.downsample
        self.post_init()

    def get_input_embeddings(self):
        return self.language_model.get_input_embeddings()

    def set_input_embeddings(self, value):
        self.language_model.set_input_embeddings(value)

    def select_layers(self, hidden_states):
        """The chosen hidden states without the class token, side by side."""
        chosen = [hidden_states[layer][:, 1:] for layer in self.config.vision_feature_layers]
        return torch.cat(chosen, dim=-1)

    def with_newlines(self, grid: torch.Tensor) -> torch.Tensor:
        """Tokens of a grid row by row, each row ended by the newline."""
        newline = self.image_newline[:, None, None].expand(-1, grid.shape[1], 1)
        return torch.cat([grid, newline.to(grid.dtype)], dim=-1).flatten(1).transpose(0, 1)

    def get_image_features(
        self, pixel_values: torch.Tensor, image_sizes: torch.Tensor
    ) -> List[torch.Tensor]:
        """One tensor (tokens, width) an image; how many tokens depends on its shape."""
        encoded = self.vision_encoder(pixel_values, output_hidden_states=True)
        grids = self.projector(self.select_layers(encoded.hidden_states))
        return [
            self.with_newlines(crop_to_content(grid, size, self.cell))
            for grid, size in zip(grids, image_sizes)
        ]

    def forward(
        self,
        input_ids: Optional[torch.Tensor] = None,
        pixel_values: Optional[torch.Tensor] = None,
        image_sizes: Optional[torch.Tensor] = None,
        attention_mask: Optional[torch.Tensor] = None,
        position_ids: Optional[torch.Tensor] = None,
        past_key_values=None,
        inputs_embeds: Optional[torch.Tensor] = None,
        **kwargs,
    ) -> BaseModelOutputWithPast:
        if inputs_embeds is None:
            inputs_embeds = self.get_input_embeddings()(input_ids)
        if pixel_values is not None:
            features = torch.cat(self.get_image_features(pixel_values, image_sizes))
            where = (input_ids == self.config.image_token_id).unsqueeze(-1)
            inputs_embeds = inputs_embeds.masked_scatter(where, features.to(inputs_embeds.dtype))
        return self.language_model(
            attention_mask=attention_mask,
            position_ids=position_ids,
            past_key_values=past_key_values,
            inputs_embeds=inputs_embeds,
            **kwargs,
        )


class FathomForConditionalGeneration(FathomPreTrainedModel, GenerationMixin):
    _tied_weights_keys = {"lm_head.weight": "model.language_model.embed_tokens.weight"}

    def __init__(self, config: FathomConfig):
        super().__init__(config)
        self.model = FathomModel(config)
        self.lm_head = nn.Linear(
            config.text_config.hidden_size, config.text_config.vocab_size, bias=False
        )
        self.post_init()

    def get_input_embeddings(self):
        return self.model.get_input_embeddings()

    def get_output_embeddings(self):
        return self.lm_head

    def get_decoder(self):
        return self.model.language_model

    def forward(
        self,
        input_ids: Optional[torch.Tensor] = None,
        pixel_values: Optional[torch.Tensor] = None,
        image_sizes: Optional[torch.Tensor] = None,
        attention_mask: Optional[torch.Tensor] = None,
        **kwargs,
    ) -> CausalLMOutputWithPast:
        outputs = self.model(
            input_ids=input_ids,
            pixel_values=pixel_values,
            image_sizes=image_sizes,
            attention_mask=attention_mask,
            **kwargs,
        )
        logits = self.lm_head(outputs.last_hidden_state)
        logits = logits / self.config.text_config.logits_scaling
        return CausalLMOutputWithPast(logits=logits, past_key_values=outputs.past_key_values)

    def prepare_inputs_for_generation(
        self, input_ids, pixel_values=None, image_sizes=None, past_key_values=None, **kwargs
    ):
        inputs = super().prepare_inputs_for_generation(
            input_ids, past_key_values=past_key_values, **kwargs
        )
        if past_key_values is None or past_key_values.get_seq_length() == 0:
            inputs.update(pixel_values=pixel_values, image_sizes=image_sizes)
        return inputs
