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
"""Image processor of Brindle: a grid of tiles that suits the image, and a thumbnail."""

import numpy as np
import torch
from PIL import Image
from transformers import BatchFeature
from transformers.image_processing_utils import BaseImageProcessor


def find_grid(width, height, max_tiles):
    """The columns and rows whose shape is nearest the image's; of equals the most tiles."""
    grids = [
        (columns, rows)
        for columns in range(1, max_tiles + 1)
        for rows in range(1, max_tiles + 1)
        if columns * rows <= max_tiles
    ]
    aspect = width / height
    return min(grids, key=lambda grid: (abs(aspect - grid[0] / grid[1]), -grid[0] * grid[1]))


class BrindleImageProcessor(BaseImageProcessor):
    model_input_names = ["pixel_values", "num_tiles"]

    def __init__(
        self,
        size=None,
        max_dynamic_patch=4,
        use_thumbnail=True,
        image_mean=(0.485, 0.456, 0.406),
        image_std=(0.229, 0.224, 0.225),
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.size = size or {"height": 448, "width": 448}
        self.max_dynamic_patch = max_dynamic_patch
        self.use_thumbnail = use_thumbnail
        self.image_mean = list(image_mean)
        self.image_std = list(image_std)

    def grid_of(self, image):
        return find_grid(image.width, image.height, self.max_dynamic_patch)

    def _tiles(self, image):
        side = self.size["height"]
        columns, rows = self.grid_of(image)
        resized = image.resize((side * columns, side * rows), Image.Resampling.BICUBIC)
        tiles = [
            resized.crop((x * side, y * side, (x + 1) * side, (y + 1) * side))
            for y in range(rows)
            for x in range(columns)
        ]
        if self.use_thumbnail and len(tiles) > 1:
            tiles.append(image.resize((side, side), Image.Resampling.BICUBIC))
        return tiles

    def _normalized(self, tile):
        values = np.asarray(tile, dtype=np.float32) / 255.0
        values = (values - np.array(self.image_mean)) / np.array(self.image_std)
        return torch.from_numpy(values.astype(np.float32)).permute(2, 0, 1)

    def preprocess(self, images, return_tensors=None, **kwargs):
        if isinstance(images, Image.Image):
            images = [images]
        tiles = [self._tiles(image.convert("RGB")) for image in images]
        pixel_values = torch.stack([self._normalized(tile) for some in tiles for tile in some])
        counts = torch.tensor([len(some) for some in tiles])
        return BatchFeature({"pixel_values": pixel_values, "num_tiles": counts})
