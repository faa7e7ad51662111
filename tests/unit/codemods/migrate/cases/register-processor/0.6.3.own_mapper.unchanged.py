from torch import nn
from vllm.model_executor.models.interfaces import SupportsMultiModal
from vllm.multimodal import MULTIMODAL_REGISTRY


def mapped(ctx, data):
    return {"pixel_values": ctx.read(data)}


@MULTIMODAL_REGISTRY.register_image_input_mapper(mapped)
class Finch(nn.Module, SupportsMultiModal):
    def get_multimodal_embeddings(self, **kwargs):
        return self.encoder(kwargs.pop("pixel_values"))
