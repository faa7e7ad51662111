from torch import nn
from vllm.model_executor.models.llama import LlamaDecoderLayer
from vllm.model_executor.models.utils import flatten_bn, merge_multimodal_embeddings


class FinchDecoder(nn.Module):
    def __init__(self, config, cache_config=None, quant_config=None, prefix=""):
        super().__init__()
        self.layer = LlamaDecoderLayer(
            config=config,  # the text model's
            cache_config=cache_config,
            quant_config=quant_config,
            prefix=prefix,
        )

    def flat(self, pixel_values):
        return flatten_bn(pixel_values)
