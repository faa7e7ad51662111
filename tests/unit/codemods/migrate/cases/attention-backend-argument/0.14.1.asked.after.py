from vllm.model_executor.models.vision import get_vit_attn_backend


def backend(head_size, dtype, override):
    return get_vit_attn_backend(head_size=head_size, dtype=dtype)
