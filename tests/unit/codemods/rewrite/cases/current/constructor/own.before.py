import torch.nn as nn
from vllm.config import VllmConfig
from vllm.model_executor.models.utils import maybe_prefix


class Finch(nn.Module):
    packed_modules_mapping = {"qkv_proj": ["q_proj", "k_proj", "v_proj"]}

    def __init__(self, *, vllm_config: VllmConfig, prefix: str = ""):
        """Builds a finch."""
        super().__init__()  # a module
        config = vllm_config.model_config.hf_config
        self.config = config

        # The body, which is most of it.
        self.body = FinchModel(
            vllm_config=vllm_config,
            prefix=maybe_prefix(prefix, "body"),
        )
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size)

    def forward(self, input_ids, positions, intermediate_tensors=None, inputs_embeds=None):
        return self.body(input_ids, positions, intermediate_tensors, inputs_embeds)
