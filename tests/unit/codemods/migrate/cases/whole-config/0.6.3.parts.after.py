from torch import nn
from vllm.config import VllmConfig
from vllm.model_executor.models.clip import CLIPVisionModel
from vllm.model_executor.models.interfaces import SupportsMultiModal
from vllm.model_executor.models.llama import LlamaForCausalLM
from vllm.model_executor.models.utils import init_vllm_registered_model, maybe_prefix


class Finch(nn.Module, SupportsMultiModal):
    # May be missing.
    def __init__(self, *, vllm_config: VllmConfig, prefix: str = "") -> None:
        super().__init__()

        config = vllm_config.model_config.hf_config
        quant_config = vllm_config.quant_config

        self.config = config
        self.vision_tower = CLIPVisionModel(config.vision_config, quant_config)
        self.language_model = init_vllm_registered_model(
            vllm_config=vllm_config,
            hf_config=config.text_config,
            prefix=maybe_prefix(prefix, "language_model"),
        )
        self.draft = LlamaForCausalLM(
            vllm_config=vllm_config.with_hf_config(config.draft_config),
            prefix=maybe_prefix(prefix, "draft"),
        )
        self.plain = LlamaForCausalLM(
            vllm_config=vllm_config,
            prefix=maybe_prefix(prefix, "plain"),
        )


class Goldfinch(Finch):
    """A finch with a crest."""

    def __init__(self, *, vllm_config: VllmConfig, prefix: str = ""):
        depth = 2

        super().__init__(vllm_config=vllm_config, prefix=prefix)
        self.crest = nn.Linear(depth, depth)
