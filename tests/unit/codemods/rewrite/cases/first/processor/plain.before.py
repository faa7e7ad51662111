import torch.nn as nn


@sings  # all day
class Finch(nn.Module):
    pass
