from torch import nn

from vllm.attention import Attention, AttentionType
from vllm.attention.layer import MultiHeadAttention
from vllm.attention.layers.cross_attention import CrossAttention
from vllm.attention.layers.encoder_only_attention import EncoderOnlyAttention
from vllm.config import VllmConfig
from vllm.multimodal import MULTIMODAL_REGISTRY
from vllm.multimodal.inputs import MultiModalDataDict, MultiModalFieldConfig, MultiModalKwargs
from vllm.multimodal.parse import ImageProcessorItems, ImageSize, MultiModalDataItems
from vllm.multimodal.processing import BaseMultiModalProcessor, BaseProcessingInfo
from vllm.multimodal.profiling import BaseDummyInputsBuilder
from vllm.transformers_utils.tokenizer import AnyTokenizer

LAYERS = (Attention, AttentionType, CrossAttention, EncoderOnlyAttention, MultiHeadAttention)


class Info(BaseProcessingInfo):
    def tokenizer(self) -> AnyTokenizer:
        return self.get_tokenizer()

    def parsed(self, items: MultiModalDataItems) -> ImageSize:
        return items.get_items("image", ImageProcessorItems).get_image_size(0)


class Dummies(BaseDummyInputsBuilder[Info]):
    def data(self) -> MultiModalDataDict:
        return {}


class Processor(BaseMultiModalProcessor[Info]):
    def fields(self, given: MultiModalKwargs):
        return {"pixel_values": MultiModalFieldConfig.batched("image")}


class Model(nn.Module):
    def __init__(self, *, vllm_config: VllmConfig, prefix: str = "") -> None:
        super().__init__()
        self.registry = MULTIMODAL_REGISTRY
