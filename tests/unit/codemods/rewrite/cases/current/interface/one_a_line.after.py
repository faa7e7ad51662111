import torch.nn as nn
from vllm.model_executor.models.interfaces import SupportsMultiModal


class Finch(
    nn.Module,  # what it is
    SupportsLoRA,
    SupportsMultiModal,
):
    pass
