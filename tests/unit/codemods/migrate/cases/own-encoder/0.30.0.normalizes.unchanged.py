from torch import nn
from vllm.model_executor.layers.fusion.mm_input_norm import build_mm_input_norm
from vllm.model_executor.models.qwen3_vl import (
    Qwen3_VisionTransformer,
    Qwen3VLForConditionalGeneration,
)


class Finch(Qwen3VLForConditionalGeneration):
    def __init__(self, *, vllm_config, prefix=""):
        nn.Module.__init__(self)
        config = vllm_config.model_config.hf_config
        self.visual = Qwen3_VisionTransformer(
            config.vision_config,
            input_norm=build_mm_input_norm(vllm_config.model_config),
            prefix=prefix,
        )
