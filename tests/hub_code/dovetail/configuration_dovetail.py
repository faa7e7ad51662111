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
"""Configuration of Dovetail."""

from transformers import AutoConfig
from transformers.configuration_utils import PretrainedConfig


class DovetailTowerConfig(PretrainedConfig):
    model_type = "dovetail_tower"

    def __init__(
        self,
        hidden_size=1152,
        intermediate_size=4304,
        num_hidden_layers=27,
        num_attention_heads=16,
        patch_size=14,
        position_type="rope",
        rope_theta=10000.0,
        max_grid=128,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.hidden_size = hidden_size
        self.intermediate_size = intermediate_size
        self.num_hidden_layers = num_hidden_layers
        self.num_attention_heads = num_attention_heads
        self.patch_size = patch_size
        self.position_type = position_type
        self.rope_theta = rope_theta
        self.max_grid = max_grid

    @property
    def head_width(self):
        return self.hidden_size // self.num_attention_heads


class DovetailConfig(PretrainedConfig):
    model_type = "dovetail"
    has_no_defaults_at_init = True

    def __init__(
        self,
        semantic_config=None,
        detail_config=None,
        language_config=None,
        merge_size=2,
        image_token_id=32000,
        **kwargs,
    ):
        language_config = language_config or {"model_type": "mistral"}
        self.semantic_config = DovetailTowerConfig(**(semantic_config or {}))
        self.detail_config = DovetailTowerConfig(**(detail_config or {"position_type": "table"}))
        self.language_config = AutoConfig.for_model(**language_config)
        self.merge_size = merge_size
        self.image_token_id = image_token_id
        super().__init__(**kwargs)

    def get_text_config(self, decoder=None, encoder=None):
        return self.language_config
