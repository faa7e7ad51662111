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
"""Image processor of Heron: the whole of an image, and slices of it if it is large."""

import numpy as np
import torch
from PIL import Image
from transformers import BatchFeature
from transformers.image_processing_utils import BaseImageProcessor


class HeronImageProcessor(BaseImageProcessor):
    model_input_names = ["pixel_values", "grid_sizes"]

    def __init__(self, side=112, most_slices=4, patch_size=14, **kwargs):
        super().__init__(**kwargs)
        self.side = side
        self.most_slices = most_slices
        self.patch_size = patch_size

    def slicing_of(self, width, height):
        """Columns and rows of slices; none of a small image."""
        columns = min(self.most_slices, max(1, round(width / self.side)))
        rows = min(self.most_slices // columns, max(1, round(height / self.side)))
        return (columns, rows) if columns * rows > 1 else (0, 0)

    def _slices(self, image):
        side, (columns, rows) = self.side, self.slicing_of(*image.size)
        parts = [image.resize((side, side), Image.Resampling.BICUBIC)]
        if columns:
            large = image.resize((side * columns, side * rows), Image.Resampling.BICUBIC)
            for top in range(0, side * rows, side):
                for left in range(0, side * columns, side):
                    parts.append(large.crop((left, top, left + side, top + side)))
        return parts

    def preprocess(self, images, return_tensors=None, **kwargs):
        images = [images] if isinstance(images, Image.Image) else images
        sliced = [self._slices(image.convert("RGB")) for image in images]
        pixels = [np.asarray(part, dtype=np.float32) / 127.5 - 1 for one in sliced for part in one]
        grid = self.side // self.patch_size
        return BatchFeature(
            {
                "pixel_values": torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2).contiguous(),
                "grid_sizes": torch.full((len(pixels), 2), grid),
                "num_slices": [len(one) for one in sliced],
            }
        )
