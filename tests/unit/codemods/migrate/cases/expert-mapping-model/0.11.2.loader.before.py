from torch import nn

from vllm.model_executor.layers.fused_moe import FusedMoE


class Model(nn.Module):
    def load_weights(self, weights):
        return FusedMoE.make_expert_params_mapping(
            ckpt_gate_proj_name="gate_proj",
            ckpt_down_proj_name="down_proj",
            ckpt_up_proj_name="up_proj",
            num_experts=8,
        )

    def mapping(self):
        return FusedMoE.make_expert_params_mapping("gate", "down", "up", 8)


def mapping_of_nothing():
    return FusedMoE.make_expert_params_mapping("gate", "down", "up", 8)
