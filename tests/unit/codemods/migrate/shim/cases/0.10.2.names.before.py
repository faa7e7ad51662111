from torch import nn

from vllm.model_executor.models.interfaces import SupportsMultiModal


class Finch(nn.Module, SupportsMultiModal):
    def get_multimodal_embeddings(self, **kwargs: object):
        return self._encode(kwargs)

    # The features of every image.
    def _encode(self, images):
        return [images]

    def warm_up(self):
        return self.get_multimodal_embeddings()
