"""Stands for vllm_flash_attn, whose kernels are for the GPU: a name that is imported alone."""

from typing import NoReturn


def flash_attn_func(*_: object, **__: object) -> NoReturn:
    """Say that there is no such kernel here."""
    raise NotImplementedError("vllm_flash_attn is for the GPU")
