import torch
from torch import nn

from vllm.distributed import get_tensor_model_parallel_rank
from vllm.model_executor.layers.fused_moe import FusedMoEFactory, RoutedExperts


class PackedExperts(RoutedExperts):
    def weight_loader(self, param: nn.Parameter, loaded: torch.Tensor, shard_id: str) -> None:
        rank = get_tensor_model_parallel_rank()
        if self.moe_config.tp_size > 1:  # a part of each
            loaded = loaded.chunk(self.moe_config.tp_size, dim=1)[rank]
        param.data.copy_(loaded.transpose(1, 2))


class Experts(nn.Module):
    def __init__(self, config, shared: nn.Module, prefix: str = "") -> None:
        super().__init__()
        self.shared_experts = shared
        self.experts = FusedMoEFactory(
            shared_experts=shared,
            num_experts=config.experts,
            prefix=f"{prefix}.experts",
            routed_experts_cls=PackedExperts,
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = self.experts(x, self.router(x))
        return out


class Model(nn.Module):
    stacked = [("experts.routed_experts.w13_weight", "experts.fc1.weight", "w13")]
