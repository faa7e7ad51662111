# vLLM 0.32.0
from torch import nn
from vllm.model_executor.models.interfaces import SupportsMultiModal
from vllm.multimodal import MULTIMODAL_REGISTRY


@MULTIMODAL_REGISTRY.register_image_input_mapper()  # <- vllm.multimodal.MULTIMODAL_REGISTRY has no register_image_input_mapper
@MULTIMODAL_REGISTRY.register_max_image_tokens(576)  # <- vllm.multimodal.MULTIMODAL_REGISTRY has no register_max_image_tokens
class MyModel(nn.Module, SupportsMultiModal): ...
