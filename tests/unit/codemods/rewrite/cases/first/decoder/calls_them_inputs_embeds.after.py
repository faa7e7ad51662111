from typing import Optional

import torch
import torch.nn as nn


class FinchModel(nn.Module):

    def get_input_embeddings(self, input_ids: torch.Tensor) -> torch.Tensor:
        return self.wte(input_ids)
    def forward(self, input_ids, positions, inputs_embeds=None):
        if inputs_embeds is None:
            inputs_embeds = self.wte(input_ids)
        return inputs_embeds + self.wpe(positions)


class Finch(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.body = FinchModel(config)

    def forward(self, input_ids, positions):
        return self.body(input_ids, positions)
