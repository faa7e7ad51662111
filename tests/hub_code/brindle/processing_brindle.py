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
"""Processor of Brindle: tiles apart, rows on lines of their own, the thumbnail last."""

from transformers import BatchFeature, ProcessorMixin


class BrindleProcessor(ProcessorMixin):
    attributes = ["image_processor", "tokenizer"]
    image_processor_class = "AutoImageProcessor"
    tokenizer_class = "AutoTokenizer"

    start_token = "<img>"
    end_token = "</img>"
    context_token = "<IMG_CONTEXT>"
    tile_token = "<tile_sep>"
    row_token = "<row_sep>"

    def __init__(self, image_processor=None, tokenizer=None, image_seq_length=256, **kwargs):
        super().__init__(image_processor, tokenizer, **kwargs)
        self.image_seq_length = image_seq_length
        self.image_token = "<image>"

    @property
    def image_token_id(self):
        return self.tokenizer.convert_tokens_to_ids(self.context_token)

    def _image_text(self, image):
        columns, rows = self.image_processor.grid_of(image)
        tile = self.context_token * self.image_seq_length
        lines = [self.tile_token.join([tile] * columns) for _ in range(rows)]
        text = self.row_token.join(lines)
        if columns * rows > 1 and self.image_processor.use_thumbnail:
            text += self.row_token + tile
        return self.start_token + text + self.end_token

    def __call__(self, images=None, text=None, return_tensors=None, **kwargs):
        texts = [text] if isinstance(text, str) else list(text)
        vision = {}
        if images is not None:
            images = images if isinstance(images, (list, tuple)) else [images]
            vision = self.image_processor(images, return_tensors=return_tensors)
            left = iter(images)
            parts = [one.split(self.image_token) for one in texts]
            texts = [
                some[0] + "".join(self._image_text(next(left)) + part for part in some[1:])
                for some in parts
            ]
        return BatchFeature({**self.tokenizer(texts, return_tensors=return_tensors), **vision})
