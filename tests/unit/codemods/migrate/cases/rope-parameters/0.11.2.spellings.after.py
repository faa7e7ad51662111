from vllm.model_executor.layers.rotary_embedding import get_rope


def whole(size, base, scaling):
    return get_rope(
        size,
        # number of patches
        max_position=64,
        rope_parameters={"rope_theta": base, **(scaling or {})},
        is_neox_style=False,  # as it was trained
    )


def by_place(size, base):
    return get_rope(size, max_position=64, rope_parameters={"rope_theta": base}, is_neox_style=True)


def part(size, base, share):
    return get_rope(size, max_position=64, rope_parameters={"rope_theta": base, "partial_rotary_factor": share})


def half(size, config):
    return get_rope(
        head_size=size,
        max_position=64,
        rope_parameters={
            "rope_theta": config.base,
            "rope_type": "mllama4",
            "partial_rotary_factor": (config.hidden_size // config.num_attention_heads // 2) / size,
        },
    )


def none(size):
    return get_rope(size, max_position=64)
