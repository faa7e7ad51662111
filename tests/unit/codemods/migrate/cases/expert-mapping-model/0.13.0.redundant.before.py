from torch import nn

from vllm.model_executor.layers.fused_moe import FusedMoE


class Model(nn.Module):
    def by_place(self):
        return FusedMoE.make_expert_params_mapping("gate", "down", "up", 8, 2)

    def by_name(self, given):
        return FusedMoE.make_expert_params_mapping(
            num_redundant_experts=2,
            num_experts=8,
            ckpt_up_proj_name=given.up,
            ckpt_down_proj_name=given.down,
            ckpt_gate_proj_name=given.gate,
        )
