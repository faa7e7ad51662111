from vllm.model_executor.layers.fused_moe import fused_moe_make_expert_params_mapping
from vllm.model_executor.models.qwen3_moe import Qwen3MoeModel


class FinchModel(Qwen3MoeModel):
    def load_weights(self, weights):
        expert_params_mapping = fused_moe_make_expert_params_mapping(
            self,
            ckpt_gate_proj_name="gate_proj",
            ckpt_down_proj_name="down_proj",
            ckpt_up_proj_name="up_proj",
            num_experts=getattr(self.config, "num_experts", 0),
        )
        return [name for name, _ in weights if name in expert_params_mapping]
