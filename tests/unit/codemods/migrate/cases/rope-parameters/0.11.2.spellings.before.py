from vllm.model_executor.layers.rotary_embedding import get_rope


def whole(size, base, scaling):
    return get_rope(
        size,
        rotary_dim=size,
        # number of patches
        max_position=64,
        base=base,
        rope_scaling=scaling,
        is_neox_style=False,  # as it was trained
    )


def by_place(size, base):
    return get_rope(size, size, 64, base, True)


def part(size, base, share):
    return get_rope(size, rotary_dim=size, max_position=64, base=base, partial_rotary_factor=share)


def half(size, config):
    return get_rope(
        head_size=size,
        rotary_dim=config.hidden_size // config.num_attention_heads // 2,
        max_position=64,
        base=config.base,
        rope_scaling={"rope_type": "mllama4"},
    )


def none(size):
    return get_rope(size, rotary_dim=size, max_position=64, rope_scaling=None)
