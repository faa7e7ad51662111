from torch import nn

from vllm.model_executor.layers.fused_moe import FusedMoE


class Model(nn.Module):
    def mapping(self, names):
        first = FusedMoE.make_expert_params_mapping(self, "gate", "down", "up", 8)
        second = FusedMoE.make_expert_params_mapping(
            self,
            ckpt_gate_proj_name="gate",
            ckpt_down_proj_name="down",
            ckpt_up_proj_name="up",
            num_experts=8,
            num_redundant_experts=2,
        )
        return first, second, FusedMoE.make_expert_params_mapping(*names)
