from functools import partial

from vllm.model_executor.layers.rotary_embedding.common import dispatch_rotary_emb_function
from vllm.platforms import current_platform


def plain(x, cos, sin):
    return x * cos + x * sin


def turned(x, angles):
    function = dispatch_rotary_emb_function(default=plain)
    return function(x, angles.cos(), angles.sin())


def turned_by_vllm(x, angles):
    if current_platform.is_cpu():
        # no kernel for it
        from vllm.model_executor.layers.rotary_embedding.common import apply_rotary_emb_torch

        function = partial(apply_rotary_emb_torch, is_neox_style=True)
    else:
        function = dispatch_rotary_emb_function()
    return function(x, angles.cos(), angles.sin())
