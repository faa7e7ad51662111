import torch.nn as nn
from vllm.model_executor.models.interfaces import SupportsLoRA, SupportsPP


class Finch(nn.Module, SupportsLoRA, SupportsPP):  # a small bird
    pass
