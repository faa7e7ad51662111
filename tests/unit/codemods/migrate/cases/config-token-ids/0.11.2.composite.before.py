from torch import nn

from vllm.config import VllmConfig
from vllm.model_executor.models.interfaces import SupportsMultiModal


class FinchForConditionalGeneration(nn.Module, SupportsMultiModal):
    def __init__(self, *, vllm_config: VllmConfig, prefix: str = "") -> None:
        super().__init__()
        config = vllm_config.model_config.hf_config
        self.config = config
        self.pad_token_id = (
            self.config.pad_token_id if self.config.pad_token_id is not None else -1
        )
        self.eos = config.eos_token_id
        self.config.bos_token_id = self.pad_token_id
        self.text_pad = config.text_config.pad_token_id
