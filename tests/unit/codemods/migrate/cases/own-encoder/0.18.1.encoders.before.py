from torch import nn
from vllm.model_executor.models.mistral3 import Mistral3ForConditionalGeneration
from vllm.model_executor.models.qwen3_vl import (
    Qwen3_VisionTransformer,
    Qwen3VLForConditionalGeneration,
)
from vllm.model_executor.models.utils import maybe_prefix


class Finch(Qwen3VLForConditionalGeneration):
    is_finch = True

    def __init__(self, *, vllm_config, prefix=""):
        super().__init__(vllm_config=vllm_config, prefix=prefix)
        config = vllm_config.model_config.hf_config
        self.visual = Qwen3_VisionTransformer(
            config.vision_config,
            prefix=maybe_prefix(prefix, "visual"),
        )


class FinchMoe(Finch):
    def __init__(self, *, vllm_config, prefix=""):
        nn.Module.__init__(self)
        config = vllm_config.model_config.hf_config
        self.visual = Qwen3_VisionTransformer(config.vision_config, prefix=prefix)


class Wren(Mistral3ForConditionalGeneration):
    def __init__(self, *, vllm_config, prefix=""):
        nn.Module.__init__(self)
        self.config = vllm_config.model_config.hf_config
        self.vision_tower = wren_tower(self.config, prefix=prefix)


class Siskin(Qwen3VLForConditionalGeneration):
    def __init__(self, *, vllm_config, prefix=""):
        super().__init__(vllm_config=vllm_config, prefix=prefix)
        self.head = nn.Linear(self.config.vision_config.hidden_size, 8)


class Serin(Qwen3VLForConditionalGeneration):
    pass


def wren_tower(config, prefix):
    return nn.Identity()
