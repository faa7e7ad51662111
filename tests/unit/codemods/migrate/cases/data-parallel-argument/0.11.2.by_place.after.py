from torch import nn

from vllm.model_executor.models.moonvit import MoonVitPretrainedModel


class Finch(nn.Module):
    def __init__(self, config, prefix):
        super().__init__()
        self.use_data_parallel = False
        self.tower = MoonVitPretrainedModel(
            config,
            prefix=prefix,
        )
        self.other = MoonVitPretrainedModel(config, prefix)
