# Copyright 2026 Brindle Vision Group
# SPDX-License-Identifier: Apache-2.0
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file
# except in compliance with the License. You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the
# License is distributed on an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND.
"""Configuration of Brindle."""

import copy

from transformers import AutoConfig, PretrainedConfig


class BrindleVisionConfig(PretrainedConfig):
    model_type = "brindle_vision"

    def __init__(
        self,
        hidden_size=1024,
        intermediate_size=4096,
        num_hidden_layers=24,
        num_attention_heads=16,
        image_size=448,
        patch_size=14,
        qk_normalization=True,
        layer_norm_eps=1e-6,
        initializer_factor=0.1,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.hidden_size = hidden_size
        self.intermediate_size = intermediate_size
        self.num_hidden_layers = num_hidden_layers
        self.num_attention_heads = num_attention_heads
        self.image_size = image_size
        self.patch_size = patch_size
        self.qk_normalization = qk_normalization
        self.layer_norm_eps = layer_norm_eps
        self.initializer_factor = initializer_factor


class BrindleChatConfig(PretrainedConfig):
    model_type = "brindle_chat"
    is_composition = True

    def __init__(
        self,
        vision_config=None,
        llm_config=None,
        select_layer=-1,
        downsample_ratio=0.5,
        max_dynamic_patch=4,
        img_context_token_id=151667,
        **kwargs,
    ):
        if vision_config is None:
            vision_config = {}
        if llm_config is None:
            llm_config = {"model_type": "qwen3"}
        self.vision_config = BrindleVisionConfig(**vision_config)
        self.llm_config = AutoConfig.for_model(**llm_config)
        self.select_layer = select_layer
        self.downsample_ratio = downsample_ratio
        self.max_dynamic_patch = max_dynamic_patch
        self.img_context_token_id = img_context_token_id
        super().__init__(**kwargs)
        self.tie_word_embeddings = self.llm_config.tie_word_embeddings

    def to_dict(self):
        output = copy.deepcopy(self.__dict__)
        output["vision_config"] = self.vision_config.to_dict()
        output["llm_config"] = self.llm_config.to_dict()
        output["model_type"] = self.model_type
        return {key: value for key, value in output.items() if not key.startswith("_")}

    def get_text_config(self, *args, **kwargs):
        return self.llm_config
