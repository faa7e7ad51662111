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
"""Processor of Heron: among the ids, a placeholder becomes the queries of all slices."""

import torch
from transformers import BatchFeature
from transformers.processing_utils import ProcessorMixin


class HeronProcessor(ProcessorMixin):
    attributes = ["image_processor", "tokenizer"]
    image_processor_class = "AutoImageProcessor"
    tokenizer_class = "AutoTokenizer"

    def __init__(self, image_processor=None, tokenizer=None, image_tag="<|seen|>", queries=16, **kwargs):
        self.image_tag = image_tag
        self.queries = queries
        super().__init__(image_processor, tokenizer, **kwargs)

    @property
    def image_token(self):
        return self.image_tag

    @property
    def image_token_id(self):
        return self.tokenizer.convert_tokens_to_ids(self.image_tag)

    def __call__(self, text=None, images=None, return_tensors="pt", **kwargs):
        texts = [text] if isinstance(text, str) else text
        seen = dict(self.image_processor(images)) if images is not None else {"num_slices": []}
        counts = iter(seen.pop("num_slices"))
        rows = []
        for one in texts:
            ids = []
            for token in self.tokenizer(one)["input_ids"]:
                is_image = token == self.image_token_id
                ids.extend([token] * (next(counts) * self.queries if is_image else 1))
            rows.append(ids)
        input_ids = torch.tensor(rows)
        data = {"input_ids": input_ids, "attention_mask": torch.ones_like(input_ids)}
        if images is not None:
            slots = torch.ones(len(seen["pixel_values"]), self.queries, dtype=torch.bool)
            data |= {**seen, "image_places": input_ids == self.image_token_id, "slots": slots}
        return BatchFeature(data)
