from torch import nn

from vllm.model_executor.models.interfaces import SupportsMultiModal


class Finch(nn.Module, SupportsMultiModal):
    def get_multimodal_embeddings(self, **kwargs: object):
        return self.encode(kwargs.pop("pixel_values"))
