from vllm.model_executor.layers.rotary_embedding import get_rope


def rotary(config, other, size):
    theta = getattr(config, "rope_theta", 10000)
    return (
        get_rope(size, max_position=64, rope_parameters={"rope_theta": theta}),
        get_rope(size, max_position=64, rope_parameters={"rope_theta": other.text_config.rope_theta}),
        other.rope_theta,
    )
