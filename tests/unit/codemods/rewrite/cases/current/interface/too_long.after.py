import torch.nn as nn
from vllm.model_executor.models.interfaces import SupportsMultiModal


class Finch(
    nn.Module,
    SupportsLoRA,
    SupportsMultiModal,
    SupportsPP,
    SupportsQuant,
    SupportsEagle3,
    Sings,
):
    pass
