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
"""Configuration of Fathom."""

from transformers import CLIPVisionConfig, GraniteConfig, PretrainedConfig


class FathomConfig(PretrainedConfig):
    model_type = "fathom"
    sub_configs = {"vision_config": CLIPVisionConfig, "text_config": GraniteConfig}

    def __init__(
        self,
        vision_config=None,
        text_config=None,
        image_token_id=49155,
        vision_feature_layers=(-3, -1),
        downsample=2,
        projector_bias=True,
        **kwargs,
    ):
        self.image_token_id = image_token_id
        self.vision_feature_layers = list(vision_feature_layers)
        self.downsample = downsample
        self.projector_bias = projector_bias
        self.vision_config = self._part(CLIPVisionConfig, vision_config)
        self.text_config = self._part(GraniteConfig, text_config)
        super().__init__(**kwargs)

    @staticmethod
    def _part(kind, values):
        if isinstance(values, kind):
            return values
        return kind(**(values or {}))
