import torch.nn as nn


class FinchModel(nn.Module):
    def get_input_embeddings(self, input_ids):
        return self.wte(input_ids)

    def forward(self, input_ids, positions, inputs_embeds=None):
        return inputs_embeds


class Finch(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.body = FinchModel(config)

    def forward(self, input_ids, positions):
        return self.body(input_ids, positions)
