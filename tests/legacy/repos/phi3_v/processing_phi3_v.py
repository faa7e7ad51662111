"""The processor of a small stand-in for Phi-3.5-vision: its names and rules, our code."""

import math
import re

import numpy as np
import torch
from transformers import BatchFeature, ProcessorMixin
from transformers.image_processing_utils import BaseImageProcessor

SIDE, PATCH = 56, 14
HALF = SIDE // PATCH // 2


class Phi3VImageProcessor(BaseImageProcessor):
    model_input_names = ["pixel_values", "image_sizes", "num_img_tokens"]

    def __init__(self, num_crops=4, **kwargs):
        super().__init__(**kwargs)
        self.num_crops = num_crops

    def grid(self, width, height):
        """Give columns and rows of tiles, as many as there may be in about that shape."""
        long, short = max(width, height), min(width, height)
        ratio = long / short
        scale = 1
        while (scale + 1) * math.ceil((scale + 1) / ratio) <= self.num_crops:
            scale += 1
        other = math.ceil(int(scale * SIDE / ratio) / SIDE)
        return (scale, other) if width >= height else (other, scale)

    def calc_num_image_tokens_from_image_size(self, width, height):
        columns, rows = self.grid(width, height)
        return (rows * columns + 1) * HALF * HALF + 1 + (rows + 1) * HALF

    def preprocess(self, images, return_tensors=None, **kwargs):
        images = images if isinstance(images, (list, tuple)) else [images]
        made = [self._one(image.convert("RGB")) for image in images]
        most = max(len(tiles) for tiles, _ in made)
        padded = [
            torch.cat([tiles, tiles.new_zeros(most - len(tiles), *tiles.shape[1:])])
            for tiles, _ in made
        ]
        data = {
            "pixel_values": torch.stack(padded),
            "image_sizes": torch.tensor([size for _, size in made]),
            "num_img_tokens": torch.tensor(
                [self.calc_num_image_tokens_from_image_size(*image.size) for image in images]
            ),
        }
        return BatchFeature(data, tensor_type=return_tensors)

    def _one(self, image):
        columns, rows = self.grid(*image.size)
        whole, large = image.resize((SIDE, SIDE)), image.resize((columns * SIDE, rows * SIDE))
        boxes = [
            (column * SIDE, row * SIDE, (column + 1) * SIDE, (row + 1) * SIDE)
            for row in range(rows)
            for column in range(columns)
        ]
        tiles = [whole, *(large.crop(box) for box in boxes)]
        pixels = np.stack([np.asarray(tile, dtype=np.float32) for tile in tiles])
        return torch.from_numpy(pixels / 127.5 - 1).permute(0, 3, 1, 2), (
            rows * SIDE,
            columns * SIDE,
        )


class Phi3VProcessor(ProcessorMixin):
    attributes = ["image_processor", "tokenizer"]
    image_processor_class = "AutoImageProcessor"
    tokenizer_class = "AutoTokenizer"

    def __init__(self, image_processor, tokenizer, chat_template=None):
        super().__init__(image_processor, tokenizer, chat_template=chat_template)

    def token_ids(self, text):
        """Tokenize the text between numbered placeholders; -1 stands for an image."""
        first, *others = re.split(r"<\|image_\d+\|>", text)
        ids = list(self.tokenizer(first).input_ids)
        for other in others:
            ids += [-1, *self.tokenizer(other).input_ids]
        return ids

    def __call__(self, text=None, images=None, return_tensors=None, **kwargs):
        """Process a text and its images; an image's features are negative ids."""
        made = self.image_processor.preprocess(images) if images is not None else {}
        counts = iter(made.get("num_img_tokens", ()))
        ids, place = [], 0
        for one in self.token_ids(text):
            place += one == -1
            ids += [-place] * int(next(counts)) if one == -1 else [one]
        return BatchFeature({**made, "input_ids": [ids]}, tensor_type=return_tensors)
