from torch import nn

from vllm.config import VllmConfig
from vllm.model_executor.models.ernie45 import Ernie4_5ForCausalLM
from vllm.model_executor.models.interfaces import SupportsMultiModal
from vllm.model_executor.models.utils import maybe_prefix


class Projector(nn.Module):
    def __init__(self, text_config, vision_config) -> None:
        super().__init__()
        self.linear = nn.Linear(vision_config.hidden_size, text_config.hidden_size)


class FlatForConditionalGeneration(nn.Module, SupportsMultiModal):
    def __init__(self, *, vllm_config: VllmConfig, prefix: str = "") -> None:
        super().__init__()
        config = vllm_config.model_config.hf_config
        self.projector = Projector(config.get_text_config(), config.vision_config)
        self.language_model = Ernie4_5ForCausalLM(
            vllm_config=vllm_config.with_hf_config(config.get_text_config()),  # all of it
            prefix=maybe_prefix(prefix, "language_model"),
        )


class NestedForConditionalGeneration(nn.Module, SupportsMultiModal):
    def __init__(self, *, vllm_config: VllmConfig, prefix: str = "") -> None:
        super().__init__()
        config = vllm_config.model_config.hf_config
        self.hidden_size = config.text_config.hidden_size
        self.language_model = Ernie4_5ForCausalLM(vllm_config=vllm_config, prefix=prefix)
