from vllm.model_executor.layers.attention import MMEncoderAttention


def attention(layer: MMEncoderAttention, q, k, v, bounds):
    max_seqlen = (bounds[1:] - bounds[:-1]).max()
    return layer(q, k, v, cu_seqlens=bounds, max_seqlen=max_seqlen)
