import torch.nn as nn
from vllm.model_executor.models.interfaces import (
    SupportsLoRA,
    SupportsMultiModal,
    SupportsPP,
)


class Finch(nn.Module, SupportsLoRA, SupportsMultiModal, SupportsPP):  # a small bird
    pass
