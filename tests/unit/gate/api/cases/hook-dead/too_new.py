# vLLM 0.10.2
from torch import nn
from vllm.model_executor.models.interfaces import SupportsMultiModal


class MyModel(nn.Module, SupportsMultiModal):
    def embed_multimodal(self, **kwargs):  # <- vLLM calls embed_multimodal of MyModel from 0.11.1 on; before, get_multimodal_embeddings
        return self.vision_tower(kwargs["pixel_values"])
