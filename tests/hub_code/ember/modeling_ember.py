"""A hub model of a plain kind: patches merged two by two, then scattered."""

import torch
from torch import nn
from transformers import AutoModel, AutoModelForCausalLM, GenerationMixin, PreTrainedModel

from .configuration_ember import EmberConfig


class EmberForConditionalGeneration(PreTrainedModel, GenerationMixin):
    config_class = EmberConfig
    _supports_sdpa = True
    _tied_weights_keys = {}

    def __init__(self, config):
        super().__init__(config)
        self.vision = AutoModel.from_config(config.vision_config)
        width = config.vision_config.hidden_size * config.merge**2
        self.connector = nn.Sequential(
            nn.LayerNorm(width),
            nn.Linear(width, config.llm_config.hidden_size),
            nn.GELU(),
            nn.Linear(config.llm_config.hidden_size, config.llm_config.hidden_size),
        )
        self.llm = AutoModelForCausalLM.from_config(config.llm_config)
        self.post_init()

    def get_input_embeddings(self):
        return self.llm.get_input_embeddings()

    def get_output_embeddings(self):
        return self.llm.get_output_embeddings()

    def get_decoder(self):
        return self.llm.model

    def get_image_features(self, pixel_values):
        patches = self.vision(pixel_values).last_hidden_state
        images, count, width = patches.shape
        side, merge = int(count**0.5), self.config.merge
        grid = patches.view(images, side // merge, merge, side // merge, merge, width)
        merged = grid.permute(0, 1, 3, 2, 4, 5).reshape(images, -1, merge * merge * width)
        return self.connector(merged)

    def forward(
        self,
        input_ids=None,
        attention_mask=None,
        position_ids=None,
        past_key_values=None,
        inputs_embeds=None,
        pixel_values=None,
        **kwargs,
    ):
        if inputs_embeds is None:
            inputs_embeds = self.get_input_embeddings()(input_ids)
            if pixel_values is not None:
                features = self.get_image_features(pixel_values).flatten(0, 1)
                mask = (input_ids == self.config.image_token_id).unsqueeze(-1)
                inputs_embeds = inputs_embeds.masked_scatter(mask, features)
        return self.llm(
            inputs_embeds=inputs_embeds,
            attention_mask=attention_mask,
            position_ids=position_ids,
            past_key_values=past_key_values,
            **kwargs,
        )

    def prepare_inputs_for_generation(self, input_ids, pixel_values=None, **kwargs):
        cache = kwargs.get("past_key_values")
        started = cache is not None and cache.get_seq_length() > 0
        inputs = super().prepare_inputs_for_generation(input_ids, **kwargs)
        return {**inputs, "pixel_values": None if started else pixel_values}
