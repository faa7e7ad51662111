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
# Carried from configuration_corvid.py of corvid, less what is not used here.
"""Configuration of Corvid."""

from transformers import CONFIG_MAPPING, PretrainedConfig


class CorvidConfig(PretrainedConfig):
    model_type = "corvid"

    def __init__(
        self,
        vision_config=None,
        text_config=None,
        image_token_index=128256,
        vision_feature_layer=-2,
        num_latents=64,
        resampler_depth=2,
        resampler_heads=8,
        resampler_hidden_size=1024,
        **kwargs,
    ):
        self.image_token_index = image_token_index
        self.vision_feature_layer = vision_feature_layer
        self.num_latents = num_latents
        self.resampler_depth = resampler_depth
        self.resampler_heads = resampler_heads
        self.resampler_hidden_size = resampler_hidden_size

        if isinstance(vision_config, dict):
            vision_type = vision_config.get("model_type", "siglip_vision_model")
            vision_config = CONFIG_MAPPING[vision_type](**vision_config)
        elif vision_config is None:
            vision_config = CONFIG_MAPPING["siglip_vision_model"]()
        self.vision_config = vision_config

        if isinstance(text_config, dict):
            text_config["model_type"] = text_config.get("model_type", "llama")
            text_config = CONFIG_MAPPING[text_config["model_type"]](**text_config)
        elif text_config is None:
            text_config = CONFIG_MAPPING["llama"]()
        self.text_config = text_config

        super().__init__(**kwargs)
