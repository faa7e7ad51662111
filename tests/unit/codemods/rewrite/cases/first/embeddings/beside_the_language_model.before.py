import torch
import torch.nn as nn


class Finch(nn.Module):
    def __init__(self, config):
        super().__init__()

    def sample(self, logits, sampling_metadata):
        return self.sampler(logits, sampling_metadata)
