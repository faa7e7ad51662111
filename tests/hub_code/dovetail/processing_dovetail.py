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
"""Processor of Dovetail: rows of tokens between a start and an end, each row ended."""

from transformers.feature_extraction_utils import BatchFeature
from transformers.processing_utils import ProcessorMixin


class DovetailProcessor(ProcessorMixin):
    attributes = ["image_processor", "tokenizer"]
    image_processor_class = "AutoImageProcessor"
    tokenizer_class = "AutoTokenizer"

    def __init__(self, image_processor=None, tokenizer=None, chat_template=None, **kwargs):
        self.image_token = "<|vis_pad|>"
        self.start_token = "<|vis_start|>"
        self.row_token = "<|vis_row|>"
        self.end_token = "<|vis_end|>"
        self.image_token_id = tokenizer.convert_tokens_to_ids(self.image_token)
        super().__init__(image_processor, tokenizer, chat_template=chat_template)

    def __call__(self, images=None, text=None, **kwargs):
        text = list(text) if isinstance(text, (list, tuple)) else [text]
        image_inputs = {}
        if images is not None:
            image_inputs = self.image_processor(images=images)
            merge = self.image_processor.merge_size
            index = 0
            for i in range(len(text)):
                while self.image_token in text[i]:
                    height, width = (side // merge for side in image_inputs["grid_hw"][index].tolist())
                    row = "<|placeholder|>" * width + self.row_token
                    block = self.start_token + row * height + self.end_token
                    text[i] = text[i].replace(self.image_token, block, 1)
                    index += 1
                text[i] = text[i].replace("<|placeholder|>", self.image_token)
        kwargs.setdefault("return_tensors", "pt")
        text_inputs = self.tokenizer(text, **kwargs)
        return BatchFeature(data={**text_inputs, **image_inputs})
