from vllm.model_executor.models.qwen2_5_vl import Qwen2_5_VisionAttention


def attention(width, backend):
    return Qwen2_5_VisionAttention(width, 4, width, attn_backend=backend, prefix="attn")
