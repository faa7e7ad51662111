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
"""What gathers the patches of a slice for Heron's decoder."""

import numpy as np
import torch
from torch import nn


def waves(places, width):
    """Sines and cosines of places on a line, each half of the width."""
    rates = 10000.0 ** -(np.arange(width // 2) / (width // 2))
    angles = np.asarray(places, dtype=np.float64)[:, None] * rates
    return np.concatenate([np.sin(angles), np.cos(angles)], axis=1)


def grid_positions(rows, columns, width):
    """Positions of a grid of patches, row by row: half of the width for each axis."""
    across = np.tile(waves(range(columns), width // 2), (rows, 1))
    down = np.repeat(waves(range(rows), width // 2), columns, axis=0)
    return torch.from_numpy(np.concatenate([across, down], axis=1).astype(np.float32))


class AttentionGathering(nn.Module):
    """Learned queries that attend to patches and to where they are."""

    def __init__(self, queries, width, heads, patch_width):
        super().__init__()
        self.query = nn.Parameter(0.02 * torch.randn(queries, width))
        self.patches_in = nn.Linear(patch_width, width, bias=False)
        self.attn = nn.MultiheadAttention(width, heads, batch_first=True)
        self.norm_query = nn.LayerNorm(width, eps=1e-6)
        self.norm_patches = nn.LayerNorm(width, eps=1e-6)
        self.norm_out = nn.LayerNorm(width, eps=1e-6)
        self.mix = nn.Parameter(width**-0.5 * torch.randn(width, width))

    def forward(self, patches, grid_sizes):
        patches = self.norm_patches(self.patches_in(patches))
        positions = torch.stack(
            [grid_positions(rows, columns, patches.shape[-1]) for rows, columns in grid_sizes.tolist()]
        )
        keys = patches + positions.to(patches)
        query = self.norm_query(self.query).expand(patches.shape[0], -1, -1)
        gathered = self.attn(query, keys, patches, need_weights=False)[0]
        return self.norm_out(gathered) @ self.mix


class MeanGathering(nn.Module):
    """Runs of patches, averaged."""

    def __init__(self, queries, width, heads, patch_width):
        super().__init__()
        self.queries = queries
        self.out = nn.Linear(patch_width, width)

    def forward(self, patches, grid_sizes):
        return self.out(patches.unflatten(1, (self.queries, -1)).mean(dim=2))


GATHERINGS = {"attention": AttentionGathering, "mean": MeanGathering}
