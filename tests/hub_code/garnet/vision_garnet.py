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
"""What Garnet sees with: a CLIP tower, and a connector to the decoder's width."""

import torch
from torch import nn
from transformers import CLIPVisionModel


class GarnetTower(nn.Module):
    """A CLIP tower, made at once or later; the config says which of its layers is wanted."""

    def __init__(self, config, later=False):
        super().__init__()
        self.settings = config.vision_config
        self.layer = config.vision_layer
        self.first = 0 if config.with_class_token else 1
        self.is_made = False
        if not later:
            self.make()

    def make(self):
        if not self.is_made:
            self.clip = CLIPVisionModel(self.settings)
            self.clip.requires_grad_(False)
            self.is_made = True

    def choose(self, seen):
        return seen.hidden_states[self.layer][:, self.first :]

    def forward(self, images):
        if isinstance(images, list):
            return torch.cat([self(image.unsqueeze(0)) for image in images])
        seen = self.clip(images.to(self.dtype), output_hidden_states=True)
        return self.choose(seen).to(images.dtype)

    @property
    def dtype(self):
        return self.clip.dtype


class Straight(nn.Module):
    def forward(self, states):
        return states


def make_tower(config, **options):
    if config.vision_config.patch_size > config.vision_config.image_size:
        raise ValueError("a patch is larger than an image")
    return GarnetTower(config, **options)


def make_connector(config):
    """A connector by its name: `none`, `linear`, or `mlp` and how many layers it has."""
    kind, width = config.connector, config.vision_config.hidden_size
    if kind == "none":
        return Straight()
    layers = [nn.Linear(width, config.hidden_size)]
    if kind != "linear":
        for _ in range(int(kind.removeprefix("mlp")) - 1):
            layers += [nn.GELU(), nn.Linear(config.hidden_size, config.hidden_size)]
    return nn.Sequential(*layers)
