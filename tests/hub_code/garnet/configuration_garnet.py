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
"""Configuration of Garnet: a Llama's, and what it sees with beside that."""

from transformers import CLIPVisionConfig, LlamaConfig


class GarnetConfig(LlamaConfig):
    model_type = "garnet"
    sub_configs = {"vision_config": CLIPVisionConfig}

    def __init__(
        self,
        vision_config=None,
        connector="mlp2",
        vision_layer=-2,
        with_class_token=False,
        image_token_index=32000,
        **kwargs,
    ):
        if isinstance(vision_config, dict):
            vision_config = CLIPVisionConfig(**vision_config)
        self.vision_config = vision_config or CLIPVisionConfig()
        self.connector = connector
        self.vision_layer = vision_layer
        self.with_class_token = with_class_token
        self.image_token_index = image_token_index
        super().__init__(**kwargs)
