import torch.nn as nn


class Finch(
    nn.Module,  # what it is
    SupportsLoRA,
):
    pass
