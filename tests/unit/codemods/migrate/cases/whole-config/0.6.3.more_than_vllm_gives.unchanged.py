from torch import nn
from vllm.model_executor.models.interfaces import SupportsMultiModal


class Finch(nn.Module, SupportsMultiModal):
    def __init__(self, config, feather_count, cache_config=None):
        super().__init__()
        self.feather_count = feather_count
