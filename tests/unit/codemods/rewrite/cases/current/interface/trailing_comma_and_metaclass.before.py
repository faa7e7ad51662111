import torch.nn as nn


class Finch(nn.Module, metaclass=type,):
    pass
