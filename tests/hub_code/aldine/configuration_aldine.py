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
"""Configuration of Aldine."""

from transformers import PretrainedConfig, Qwen2Config


class AldineVisionConfig(PretrainedConfig):
    model_type = "aldine_vision"
    base_config_key = "vision_config"

    def __init__(
        self,
        hidden_size=768,
        num_hidden_layers=12,
        num_attention_heads=12,
        intermediate_size=3072,
        image_size=224,
        patch_size=14,
        layer_scale_init=0.5,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.hidden_size = hidden_size
        self.num_hidden_layers = num_hidden_layers
        self.num_attention_heads = num_attention_heads
        self.intermediate_size = intermediate_size
        self.image_size = image_size
        self.patch_size = patch_size
        self.layer_scale_init = layer_scale_init


class AldineConfig(PretrainedConfig):
    model_type = "aldine"
    sub_configs = {"vision_config": AldineVisionConfig, "text_config": Qwen2Config}

    def __init__(self, vision_config=None, text_config=None, image_token_id=151655, **kwargs):
        if vision_config is None:
            vision_config = AldineVisionConfig()
        elif isinstance(vision_config, dict):
            vision_config = AldineVisionConfig(**vision_config)
        if text_config is None:
            text_config = Qwen2Config()
        elif isinstance(text_config, dict):
            text_config = Qwen2Config(**text_config)
        self.vision_config = vision_config
        self.text_config = text_config
        self.image_token_id = image_token_id
        super().__init__(**kwargs)
