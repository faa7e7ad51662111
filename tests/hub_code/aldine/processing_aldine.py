# Copyright 2026 The Aldine Project
# SPDX-License-Identifier: Apache-2.0
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file
# except in compliance with the License. You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the
# License is distributed on an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND.
"""Processor of Aldine: every `<image>` becomes one token a patch."""

from transformers import BatchFeature, ProcessorMixin


class AldineProcessor(ProcessorMixin):
    attributes = ["image_processor", "tokenizer"]
    image_processor_class = "AutoImageProcessor"
    tokenizer_class = "AutoTokenizer"

    def __init__(self, image_processor=None, tokenizer=None, patch_size=14, **kwargs):
        self.patch_size = patch_size
        self.image_token = "<image>"
        self.image_token_id = tokenizer.convert_tokens_to_ids(self.image_token)
        super().__init__(image_processor, tokenizer, **kwargs)

    def __call__(self, images=None, text=None, return_tensors=None, **kwargs):
        if isinstance(text, str):
            text = [text]
        vision = {}
        if images is not None:
            vision = self.image_processor(images, return_tensors=return_tensors)
            height, width = vision["pixel_values"][0].shape[-2:]
            count = (height // self.patch_size) * (width // self.patch_size)
            text = [one.replace(self.image_token, self.image_token * count) for one in text]
        return BatchFeature({**self.tokenizer(text, return_tensors=return_tensors), **vision})
