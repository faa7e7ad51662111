from torch import nn
from vllm.model_executor.models.interfaces import SupportsMultiModal


class Model(nn.Module, SupportsMultiModal):
    def embed_multimodal(self, **kwargs):
        return super().embed_multimodal(**kwargs)

    def warm(self):
        return self.embed_multimodal()
