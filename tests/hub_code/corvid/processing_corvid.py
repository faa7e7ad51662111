# Copyright 2026 Corvid Research
# SPDX-License-Identifier: Apache-2.0
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file
# except in compliance with the License. You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the
# License is distributed on an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND.
"""Processor of Corvid: an image becomes as many tokens as the resampler has latents."""

from transformers import BatchFeature, ProcessorMixin


class CorvidProcessor(ProcessorMixin):
    attributes = ["image_processor", "tokenizer"]
    image_processor_class = "AutoImageProcessor"
    tokenizer_class = "AutoTokenizer"

    def __init__(
        self,
        image_processor=None,
        tokenizer=None,
        num_latents=64,
        image_token="<|image_pad|>",
        chat_template=None,
        **kwargs,
    ):
        self.num_latents = num_latents
        self.image_token = image_token
        super().__init__(image_processor, tokenizer, chat_template=chat_template)

    def __call__(self, text=None, images=None, return_tensors="pt", padding=False, **kwargs):
        if not isinstance(text, (list, tuple)):
            text = [text]
        expanded = self.image_token * self.num_latents
        inputs = self.tokenizer(
            [expanded.join(part.split(self.image_token)) for part in text],
            padding=padding,
            return_tensors=return_tensors,
        )
        if images is not None:
            pixels = self.image_processor(images, return_tensors=return_tensors).pixel_values
            inputs["images"] = pixels
        return BatchFeature(data=dict(inputs))

    @property
    def model_input_names(self):
        return [*self.tokenizer.model_input_names, "images"]
