from vllm.model_executor.layers.rotary_embedding import get_rope


def by_name(size, rotated):
    return get_rope(
        head_size=size,
        max_position=64,
        rope_parameters={
            "rope_type": "default",
            # half of it
            "partial_rotary_factor": (rotated // 2) / size,
        },
    )


def by_place(size, rotated):
    return get_rope(size, 64, rope_parameters={"partial_rotary_factor": rotated / size})


def of_another(size, rotated, other, share):
    whole = get_rope(size, 64, rope_parameters={"partial_rotary_factor": rotated / other})
    part = get_rope(size, 64, rope_parameters={**other, "partial_rotary_factor": share})
    return whole, part
