import torch
from torch import nn

from vllm.model_executor.models.interfaces import SupportsMultiModal
from vllm.model_executor.models.utils import flatten_bn


class Finch(nn.Module, SupportsMultiModal):
    """Sees birds."""

    # Before 0.13.0, it is a matter of choice.
    merge_by_field_config = True

    def embed_multimodal(self, **kwargs: object):
        return self.encode((kwargs["pixel_values"] if isinstance(kwargs["pixel_values"], torch.Tensor) else flatten_bn(kwargs["pixel_values"], concat=True)))
