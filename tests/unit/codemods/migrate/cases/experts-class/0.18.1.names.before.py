from vllm.model_executor.models.qwen3_moe import Qwen3MoeModel


class FinchModel(Qwen3MoeModel):
    fused = [("experts.w13_weight", "experts.gate_up_proj", 0, "w1")]
    other = "my_experts.w13_weight"
