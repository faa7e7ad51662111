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
"""Image processor of Fathom: an image fills what it can of a square, from the top left."""

import numpy as np
import torch
from PIL import Image
from transformers import BatchFeature
from transformers.image_processing_utils import BaseImageProcessor
from transformers.image_utils import OPENAI_CLIP_MEAN, OPENAI_CLIP_STD


class FathomImageProcessor(BaseImageProcessor):
    model_input_names = ["pixel_values", "image_sizes"]

    def __init__(self, size=None, image_mean=None, image_std=None, **kwargs):
        super().__init__(**kwargs)
        self.size = size if size is not None else {"height": 336, "width": 336}
        self.image_mean = image_mean if image_mean is not None else OPENAI_CLIP_MEAN
        self.image_std = image_std if image_std is not None else OPENAI_CLIP_STD

    def fitted(self, width, height):
        scale = min(self.size["width"] / width, self.size["height"] / height)
        return max(1, round(width * scale)), max(1, round(height * scale))

    def preprocess(self, images, return_tensors=None, **kwargs):
        if isinstance(images, Image.Image):
            images = [images]
        canvases, sizes = [], []
        for image in images:
            width, height = self.fitted(*image.size)
            image = image.convert("RGB").resize((width, height), Image.Resampling.BICUBIC)
            canvas = Image.new("RGB", (self.size["width"], self.size["height"]), (122, 116, 104))
            canvas.paste(image, (0, 0))
            values = np.asarray(canvas, dtype=np.float32) / 255.0
            values = (values - np.array(self.image_mean)) / np.array(self.image_std)
            canvases.append(torch.from_numpy(values.transpose(2, 0, 1).astype(np.float32)))
            sizes.append([height, width])
        return BatchFeature(
            {"pixel_values": torch.stack(canvases), "image_sizes": torch.tensor(sizes)}
        )
