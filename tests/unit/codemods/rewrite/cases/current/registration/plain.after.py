import torch.nn as nn
from vllm import ModelRegistry


class Finch(nn.Module):
    pass


def register() -> None:
    """Register the model; an entry point of the group `vllm.general_plugins`."""
    ModelRegistry.register_model(
        "LlavaForConditionalGeneration", f"{__name__}:Finch"
    )
