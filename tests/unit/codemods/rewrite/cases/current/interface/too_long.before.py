import torch.nn as nn


class Finch(nn.Module, SupportsLoRA, SupportsPP, SupportsQuant, SupportsEagle3, Sings):
    pass
