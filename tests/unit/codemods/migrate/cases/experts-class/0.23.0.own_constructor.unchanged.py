from vllm.model_executor.layers.fused_moe import FusedMoE


class PackedExperts(FusedMoE):
    def __init__(self, config, prefix: str = "") -> None:
        super().__init__(num_experts=config.experts, prefix=prefix)
