from vllm.v1.attention.backends.registry import AttentionBackendEnum


def one(backend, bounds):
    max_seqlen = None
    if backend in (AttentionBackendEnum.FLASH_ATTN, AttentionBackendEnum.TRITON_ATTN):
        max_seqlen = (bounds[1:] - bounds[:-1]).max()
    return max_seqlen


def two(backend, bounds):
    max_seqlen = None
    if (
        backend == AttentionBackendEnum.FLASH_ATTN
        or backend == AttentionBackendEnum.ROCM_AITER_FA
        or backend == AttentionBackendEnum.TRITON_ATTN
    ):
        max_seqlen = (bounds[1:] - bounds[:-1]).max()
    return max_seqlen


def several(backend, bounds):
    max_seqlen = None
    if backend in {
        AttentionBackendEnum.FLASH_ATTN,
        AttentionBackendEnum.ROCM_AITER_FA,
        AttentionBackendEnum.TRITON_ATTN,
    }:
        max_seqlen = (bounds[1:] - bounds[:-1]).max()
    return max_seqlen
