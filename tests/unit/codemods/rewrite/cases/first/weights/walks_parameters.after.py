from typing import Iterable, Iterator, Tuple

import torch
import torch.nn as nn
from vllm.model_executor.models.utils import AutoWeightsLoader


class Finch(nn.Module):

    def load_weights(self, weights: Iterable[Tuple[str, torch.Tensor]]) -> None:

        def text_weights() -> Iterator[Tuple[str, torch.Tensor]]:
            for name, weight in rename_weights(weights):
                if name.partition(".")[0] in ("multi_modal_projector", "vision_tower"):
                    self._load_image_weights([(name, weight)])
                else:
                    yield name, weight

        self._load_text_weights(text_weights())

    def _load_image_weights(self, weights: Iterable[Tuple[str, torch.Tensor]]) -> None:
        loader = AutoWeightsLoader(self)
        loader.load_weights(rename_weights(weights))

    def _load_text_weights(self, weights):
        params = dict(self.named_parameters())
        for name, weight in weights:
            params[name].data.copy_(weight)
