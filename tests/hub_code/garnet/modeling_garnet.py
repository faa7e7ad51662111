# Copyright 2026 The Garnet Authors
# SPDX-License-Identifier: Apache-2.0
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file
# except in compliance with the License. You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the
# License is distributed on an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND.
"""Garnet on a Llama: the language model is the class itself."""

from typing import Optional

import torch
from torch import nn
from transformers import AutoConfig, AutoModelForCausalLM, LlamaForCausalLM, LlamaModel
from transformers.modeling_outputs import CausalLMOutputWithPast

from .configuration_garnet import GarnetConfig
from .garnet_arch import SeeingCausalLM, SeeingModel


class GarnetModel(SeeingModel, LlamaModel):
    config_class = GarnetConfig

    def __init__(self, config: GarnetConfig):
        super().__init__(config)


class GarnetForCausalLM(LlamaForCausalLM, SeeingCausalLM):
    config_class = GarnetConfig

    def __init__(self, config: GarnetConfig):
        super(LlamaForCausalLM, self).__init__(config)
        self.model = GarnetModel(config)
        self.vocab_size = config.vocab_size
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        self.post_init()

    def get_model(self):
        return self.model

    def forward(
        self,
        input_ids: Optional[torch.LongTensor] = None,
        images: Optional[torch.FloatTensor] = None,
        attention_mask: Optional[torch.Tensor] = None,
        position_ids: Optional[torch.LongTensor] = None,
        past_key_values=None,
        inputs_embeds: Optional[torch.FloatTensor] = None,
        labels: Optional[torch.LongTensor] = None,
        **kwargs,
    ) -> CausalLMOutputWithPast:
        if inputs_embeds is None:
            inputs_embeds = self.embed_prompt(input_ids, images)
        return super().forward(
            input_ids=None,
            attention_mask=attention_mask,
            position_ids=position_ids,
            past_key_values=past_key_values,
            inputs_embeds=inputs_embeds,
            labels=labels,
            **kwargs,
        )

    def prepare_inputs_for_generation(self, input_ids, past_key_values=None, images=None, **kwargs):
        inputs = super().prepare_inputs_for_generation(
            input_ids, past_key_values=past_key_values, **kwargs
        )
        if past_key_values is None or past_key_values.get_seq_length() == 0:
            inputs["images"] = images
        return inputs


AutoConfig.register("garnet", GarnetConfig)
AutoModelForCausalLM.register(GarnetConfig, GarnetForCausalLM)
