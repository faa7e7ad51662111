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
"""What lies between Fathom's tower and its language model."""

import math

import torch
from torch import nn

from .configuration_fathom import FathomConfig


def crop_to_content(grid: torch.Tensor, size, cell: int) -> torch.Tensor:
    """The part of a feature grid (width, rows, columns) that shows the image, not the padding."""
    height, width = (math.ceil(int(side) / cell) for side in size)
    return grid[:, :height, :width]


class FathomDownsampler(nn.Module):
    """Joins patches by a strided convolution."""

    def __init__(self, channels: int, factor: int):
        super().__init__()
        self.reduce = nn.Conv2d(channels, channels, kernel_size=factor, stride=factor)
        self.norm = nn.GroupNorm(1, channels)
        self.refine = nn.Conv2d(channels, channels, kernel_size=3, padding=1, groups=channels)

    def forward(self, grid: torch.Tensor) -> torch.Tensor:
        grid = self.norm(self.reduce(grid))
        return grid + self.refine(grid)


class FathomProjector(nn.Module):
    def __init__(self, config: FathomConfig):
        super().__init__()
        channels = config.vision_config.hidden_size * len(config.vision_feature_layers)
        width = config.text_config.hidden_size
        self.downsampler = FathomDownsampler(channels, config.downsample)
        self.linear_1 = nn.Linear(channels, width, bias=config.projector_bias)
        self.linear_2 = nn.Linear(width, width, bias=config.projector_bias)

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        batch, patches, channels = states.shape
        side = math.isqrt(patches)
        grid = states.transpose(1, 2).reshape(batch, channels, side, side)
        grid = self.downsampler(grid).permute(0, 2, 3, 1)
        grid = self.linear_2(torch.tanh(self.linear_1(grid)))
        return grid.permute(0, 3, 1, 2)
