from torch import nn

from vllm.model_executor.models.interfaces import SupportsMultiModal
from vllm.model_executor.models.utils import flatten_bn


class Finch(nn.Module, SupportsMultiModal):
    """Sees birds."""

    def embed_multimodal(self, **kwargs: object):
        return self.encode(flatten_bn(kwargs["pixel_values"], concat=True))
