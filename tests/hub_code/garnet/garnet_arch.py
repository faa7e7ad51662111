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
"""What is mixed into a decoder, and into its causal LM, to make a Garnet of it."""

from abc import ABC, abstractmethod

from .vision_garnet import make_connector, make_tower


class SeeingModel:
    def __init__(self, config):
        super().__init__(config)
        if getattr(config, "vision_config", None) is not None:
            self.tower = make_tower(config, later=False)
            self.connector = make_connector(config)

    def get_tower(self):
        tower = getattr(self, "tower", None)
        return tower[0] if isinstance(tower, list) else tower


class SeeingCausalLM(ABC):
    @abstractmethod
    def get_model(self):
        """The decoder, which has the tower too."""

    def encode_images(self, images):
        model = self.get_model()
        return model.connector(model.get_tower()(images))

    def embed_prompt(self, input_ids, images):
        embeds = self.get_model().embed_tokens(input_ids)
        if images is None or input_ids.shape[1] == 1:
            return embeds
        features = self.encode_images(images).flatten(0, 1)
        is_image = input_ids == self.config.image_token_index
        if int(is_image.sum()) != len(features):
            raise ValueError(f"{int(is_image.sum())} places for {len(features)} features")
        embeds = embeds.clone()
        embeds[is_image] = features.to(embeds.dtype)
        return embeds
