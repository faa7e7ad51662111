from torch import nn

from vllm.model_executor.models.interfaces import SupportsMultiModal


class Finch(nn.Module, SupportsMultiModal):
    def embed_multimodal(self, **kwargs: object):
        return self._encode(kwargs)

    # What vLLM before 0.11.1 calls it.
    get_multimodal_embeddings = embed_multimodal

    # The features of every image.
    def _encode(self, images):
        return [images]

    def warm_up(self):
        return self.embed_multimodal()
