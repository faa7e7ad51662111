from torch import nn

from vllm.model_executor.layers.fused_moe import FusedMoE


class Model(nn.Module):
    def mapping(self):
        return FusedMoE.make_expert_params_mapping(self, "gate", "down", "up", 8)
