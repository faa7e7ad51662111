import torch.nn as nn


# About finches.
@sings
class Finch(nn.Module):
    pass
