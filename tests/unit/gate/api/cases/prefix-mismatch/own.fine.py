# vLLM 0.32.0
from torch import nn
from vllm.model_executor.layers.linear import RowParallelLinear


class MyProjector(nn.Module):
    def __init__(self, quant_config=None, prefix=""):
        super().__init__()
        self.proj = RowParallelLinear(
            8, 8, quant_config=quant_config, prefix=f"{prefix}.proj"
        )
