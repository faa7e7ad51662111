import torch.nn as nn


class Finch(nn.Module):
    def forward(self, input_ids, positions, pixel_values=None, image_embeds=None):
        return self.model(input_ids, positions)
