from torch import nn

from vllm.model_executor.models.qwen2_5_vl import Qwen2_5_VisionAttention


class Own(nn.Module):
    def forward(self, x, seqlens):
        return x


class Blocks(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.own = Own()
        self.layers = nn.ModuleList([Qwen2_5_VisionAttention(width, 4, width) for _ in range(2)])

    def forward(self, x, cu_seqlens, angles, max_seqlen, seqlens):
        x = self.own(x, seqlens=seqlens)
        for layer in self.layers:
            x = layer(
                x, cu_seqlens=cu_seqlens, rotary_pos_emb=angles, max_seqlen=max_seqlen
            )
        return x
