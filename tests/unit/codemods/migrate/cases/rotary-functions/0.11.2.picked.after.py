from functools import partial

from vllm.platforms import current_platform


def plain(x, cos, sin):
    return x * cos + x * sin


def turned(x, angles):
    function = plain
    return function(x, angles.cos(), angles.sin())


def turned_by_vllm(x, angles):
    if current_platform.is_cpu():
        # no kernel for it
        from vllm.model_executor.layers.rotary_embedding.common import ApplyRotaryEmb

        function = partial(ApplyRotaryEmb.forward_static, is_neox_style=True)
    else:
        function = ApplyRotaryEmb.forward_static
    return function(x, angles.cos(), angles.sin())
