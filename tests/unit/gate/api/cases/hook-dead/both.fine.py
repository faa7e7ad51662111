# vLLM 0.32.0
from torch import nn
from vllm.model_executor.models.interfaces import SupportsMultiModal


class MyModel(nn.Module, SupportsMultiModal):
    def embed_multimodal(self, **kwargs):
        return self.vision_tower(kwargs["pixel_values"])

    get_multimodal_embeddings = embed_multimodal

    def load_adapter(self, path):
        ...
