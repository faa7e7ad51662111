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
"""Configuration of Heron: flat, the language model's keys beside all others."""

from transformers import PretrainedConfig, Qwen2Config, SiglipVisionConfig


class HeronSlicing(PretrainedConfig):
    model_type = "heron_slicing"

    def __init__(self, side=112, most_slices=4, **kwargs):
        self.side = side
        self.most_slices = most_slices
        super().__init__(**kwargs)


class HeronConfig(Qwen2Config):
    model_type = "heron"

    default_vision = {"hidden_size": 64, "intermediate_size": 176, "num_attention_heads": 4}

    def __init__(
        self,
        vision_config=None,
        slicing=None,
        queries=16,
        gathering="attention",
        image_token_id=151665,
        **kwargs,
    ):
        if isinstance(vision_config, SiglipVisionConfig):
            self.vision_config = vision_config
        else:
            self.vision_config = SiglipVisionConfig(**(vision_config or self.default_vision))
        self.slicing = HeronSlicing(**slicing) if slicing else HeronSlicing()
        self.queries = queries
        self.gathering = gathering
        self.image_token_id = image_token_id
        self.patch_size = self.vision_config.patch_size
        super().__init__(**kwargs)
