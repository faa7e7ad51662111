from torch import nn
from vllm.model_executor.models.interfaces import SupportsMultiModal


class Model(nn.Module, SupportsMultiModal):
    def get_multimodal_embeddings(self, **kwargs):
        return super().get_multimodal_embeddings(**kwargs)

    def warm(self):
        return self.get_multimodal_embeddings()
