# vLLM 0.32.0
from torch import nn
from vllm.model_executor.layers.linear import ColumnParallelLinear


class MyProjector(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.up = ColumnParallelLinear(8, 32)
