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
"""Processor of Fathom: as many tokens as an image covers of the square, and one a row."""

import math

from transformers import BatchFeature, ProcessorMixin


class FathomProcessor(ProcessorMixin):
    attributes = ["image_processor", "tokenizer"]
    image_processor_class = "AutoImageProcessor"
    tokenizer_class = "AutoTokenizer"

    def __init__(
        self,
        image_processor=None,
        tokenizer=None,
        patch_size=14,
        downsample=2,
        image_token="<image>",
        **kwargs,
    ):
        self.patch_size = patch_size
        self.downsample = downsample
        self.image_token = image_token
        self.image_token_id = tokenizer.convert_tokens_to_ids(image_token)
        super().__init__(image_processor, tokenizer, **kwargs)

    def num_tokens(self, height, width):
        cell = self.patch_size * self.downsample
        return math.ceil(height / cell) * (math.ceil(width / cell) + 1)

    def __call__(self, images=None, text=None, return_tensors="pt", **kwargs):
        if isinstance(text, str):
            text = [text]
        vision = {}
        if images is not None:
            vision = dict(self.image_processor(images, return_tensors=return_tensors))
            counts = iter([self.num_tokens(*size) for size in vision["image_sizes"].tolist()])
            pieces = [one.split(self.image_token) for one in text]
            text = [
                "".join(
                    piece if last else piece + self.image_token * next(counts)
                    for piece, last in zip(some, [False] * (len(some) - 1) + [True])
                )
                for some in pieces
            ]
        return BatchFeature({**self.tokenizer(text, return_tensors=return_tensors), **vision})
