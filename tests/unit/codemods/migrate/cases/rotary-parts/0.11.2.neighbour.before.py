from torch import nn

from vllm.model_executor.models.qwen2_5_vl import Qwen2_5_VisionAttention


class Block(nn.Module):
    def __init__(self, width, prefix):
        super().__init__()
        self.attn = Qwen2_5_VisionAttention(width, 4, width, prefix=prefix)

    def forward(self, x, cu_seqlens, rotary_pos_emb, max_seqlen, seqlens):
        return x + self.attn(
            x,
            cu_seqlens=cu_seqlens,
            rotary_pos_emb=rotary_pos_emb,
            max_seqlen=max_seqlen,
            seqlens=seqlens,
        )
