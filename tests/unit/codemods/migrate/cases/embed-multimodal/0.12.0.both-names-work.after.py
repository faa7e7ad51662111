from torch import nn

from vllm.model_executor.models.interfaces import SupportsMultiModal


class Finch(nn.Module, SupportsMultiModal):
    def embed_multimodal(self, **kwargs: object):
        return self.encode(kwargs.pop("pixel_values"))
