# vLLM 0.32.0
from torch import nn
from vllm.model_executor.layers.linear import ColumnParallelLinear, RowParallelLinear


class MyProjector(nn.Module):
    def __init__(self, config, quant_config=None, prefix=""):
        super().__init__()
        self.up = ColumnParallelLinear(8, 32, prefix=f"{prefix}.up")  # <- ColumnParallelLinear is built without quant_config
        self.down = RowParallelLinear(
            32, 8, quant_config=quant_config, prefix=f"{prefix}.down"
        )
