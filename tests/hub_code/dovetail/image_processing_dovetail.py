# Copyright 2026 Dovetail Labs
# SPDX-License-Identifier: Apache-2.0
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file
# except in compliance with the License. You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the
# License is distributed on an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND.
"""Image processor of Dovetail: images keep their shape, and come as packed patches."""

import math

import numpy as np
import torch
from PIL import Image
from transformers import BatchFeature
from transformers.image_processing_utils import BaseImageProcessor


class DovetailImageProcessor(BaseImageProcessor):
    model_input_names = ["pixel_values", "grid_hw"]

    def __init__(
        self,
        patch_size=14,
        merge_size=2,
        min_pixels=56 * 56,
        max_pixels=1024 * 1024,
        image_mean=None,
        image_std=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.patch_size = patch_size
        self.merge_size = merge_size
        self.min_pixels = min_pixels
        self.max_pixels = max_pixels
        self.image_mean = image_mean or [0.5, 0.5, 0.5]
        self.image_std = image_std or [0.5, 0.5, 0.5]

    def target_size(self, width, height):
        """Whole squares of patches on both sides, and no more pixels than there may be."""
        unit = self.patch_size * self.merge_size
        scale = 1.0
        if width * height > self.max_pixels:
            scale = math.sqrt(self.max_pixels / (width * height))
        elif width * height < self.min_pixels:
            scale = math.sqrt(self.min_pixels / (width * height))
        down = scale < 1.0
        squares = [(math.floor if down else math.ceil)(side * scale / unit) for side in (width, height)]
        most = max(1, self.max_pixels // unit**2)
        across = min(max(1, squares[0]), most)
        return across * unit, min(max(1, squares[1]), max(1, most // across)) * unit

    def _patches(self, image):
        width, height = self.target_size(*image.size)
        image = image.convert("RGB").resize((width, height), Image.Resampling.BICUBIC)
        values = np.asarray(image, dtype=np.float32) / 255
        values = (values - np.array(self.image_mean)) / np.array(self.image_std)
        rows, columns, side = height // self.patch_size, width // self.patch_size, self.patch_size
        values = values.reshape(rows, side, columns, side, 3).transpose(0, 2, 4, 1, 3)
        flat = values.reshape(rows * columns, -1).astype(np.float32)
        return torch.from_numpy(flat), (rows, columns)

    def preprocess(self, images, return_tensors=None, **kwargs):
        images = images if isinstance(images, (list, tuple)) else [images]
        made = [self._patches(image) for image in images]
        return BatchFeature(
            {
                "pixel_values": torch.cat([patches for patches, _ in made]),
                "grid_hw": torch.tensor([grid for _, grid in made]),
            }
        )
