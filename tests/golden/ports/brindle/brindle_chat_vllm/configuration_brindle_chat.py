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
# Carried from configuration_brindle_chat.py of brindle, less what is not used here.
"""Configuration of Brindle."""

from transformers import PretrainedConfig


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
