import torch.nn as nn


class FinchModel(nn.Module):
    def forward(self, input_ids, positions):
        inputs_embeds = self.wte(input_ids)
        return inputs_embeds + self.wpe(positions)


class Finch(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.body = FinchModel(config)

    def forward(self, input_ids, positions):
        return self.body(input_ids, positions)
