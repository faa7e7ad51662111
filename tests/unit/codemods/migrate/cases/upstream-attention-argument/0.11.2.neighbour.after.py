from vllm.model_executor.models.qwen2_5_vl import Qwen2_5_VisionAttention


def attention(width, foreign):
    return Qwen2_5_VisionAttention(width, 4, width, prefix="attn")
