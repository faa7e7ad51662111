from torch import nn
from vllm.model_executor.models.qwen3_next import Qwen3NextDecoderLayer


class FinchDecoderLayer(Qwen3NextDecoderLayer):
    def __init__(self, config, layer_type, prefix=""):
        super(Qwen3NextDecoderLayer, self).__init__()
        self.config = config
        self.layer_type = layer_type


class FinchWithOwn(Qwen3NextDecoderLayer):
    def __init__(self, config, layer_type, prefix=""):
        super(Qwen3NextDecoderLayer, self).__init__()
        self.use_attn_reduce_scatter_for_moe = True


class FinchByParent(Qwen3NextDecoderLayer):
    def __init__(self, vllm_config, layer_type, prefix=""):
        super().__init__(vllm_config, layer_type, prefix)
        self.extra = nn.Identity()
