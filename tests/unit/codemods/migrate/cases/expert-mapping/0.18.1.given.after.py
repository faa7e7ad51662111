from torch import nn
from vllm.model_executor.layers.fused_moe import fused_moe_make_expert_params_mapping


class Model(nn.Module):
    def mapping(self):
        return fused_moe_make_expert_params_mapping(self, "gate", "down", "up", 8)
