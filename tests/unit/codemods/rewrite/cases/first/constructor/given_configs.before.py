import torch.nn as nn
from transformers import FinchConfig


class Finch(nn.Module):
    def __init__(
        self,
        config: FinchConfig,  # of the bird
        cache_config=None,
        quant_config=None,
    ) -> None:
        super().__init__()
        self.config = config
        self.model = FinchModel(config, cache_config, quant_config)
