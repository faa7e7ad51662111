# vLLM 0.32.0
from torch import nn
from vllm.model_executor.models.interfaces import SupportsMultiModal


class MyModel(nn.Module, SupportsMultiModal):
    def get_multimodal_embeddings(self, **kwargs):  # <- vLLM calls no get_multimodal_embeddings of MyModel: 0.11.0 is the last release that did
        return self.encode(kwargs["pixel_values"])

    def encode(self, pixel_values):
        return self.vision_tower(pixel_values)
