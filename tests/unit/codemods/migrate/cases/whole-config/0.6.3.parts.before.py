from typing import Optional

from torch import nn
from vllm.config import CacheConfig, MultiModalConfig
from vllm.model_executor.layers.quantization import QuantizationConfig
from vllm.model_executor.models.clip import CLIPVisionModel
from vllm.model_executor.models.interfaces import SupportsMultiModal
from vllm.model_executor.models.llama import LlamaForCausalLM
from vllm.model_executor.models.utils import init_vllm_registered_model


class Finch(nn.Module, SupportsMultiModal):
    def __init__(self,
                 config,
                 multimodal_config: MultiModalConfig,
                 # May be missing.
                 cache_config: Optional[CacheConfig] = None,
                 quant_config: Optional[QuantizationConfig] = None) -> None:
        super().__init__()

        self.config = config
        self.vision_tower = CLIPVisionModel(config.vision_config, quant_config)
        self.language_model = init_vllm_registered_model(
            config.text_config, cache_config, quant_config)
        self.draft = LlamaForCausalLM(config.draft_config, cache_config, quant_config)
        self.plain = LlamaForCausalLM(config, cache_config, quant_config)


class Goldfinch(Finch):
    """A finch with a crest."""

    def __init__(self, config, multimodal_config, cache_config=None, quant_config=None, depth=2):
        super().__init__(config, multimodal_config, cache_config, quant_config)
        self.crest = nn.Linear(depth, depth)
