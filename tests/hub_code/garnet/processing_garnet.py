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
"""Processor of Garnet: an `<image>` for each patch, which the tokenizer is taught if need be."""

from transformers import BatchFeature, ProcessorMixin


class GarnetProcessor(ProcessorMixin):
    attributes = ["image_processor", "tokenizer"]
    image_processor_class = "CLIPImageProcessor"
    tokenizer_class = "AutoTokenizer"

    def __init__(self, image_processor=None, tokenizer=None, num_image_tokens=64, **kwargs):
        self.image_token = "<image>"
        self.num_image_tokens = num_image_tokens
        if self.image_token not in tokenizer.get_vocab():
            tokenizer.add_tokens([self.image_token], special_tokens=True)
        self.image_token_id = tokenizer.convert_tokens_to_ids(self.image_token)
        super().__init__(image_processor, tokenizer, **kwargs)

    def __call__(self, text=None, images=None, return_tensors="pt", **kwargs):
        texts = [text] if isinstance(text, str) else list(text)
        data = {}
        if images is not None:
            pixels = self.image_processor(images=images, return_tensors=return_tensors)
            data["images"] = pixels["pixel_values"]
        places = self.image_token * self.num_image_tokens
        texts = [one.replace(self.image_token, places) for one in texts]
        return BatchFeature({**self.tokenizer(texts, return_tensors=return_tensors), **data})
