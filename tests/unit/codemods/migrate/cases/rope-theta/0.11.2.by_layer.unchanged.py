from vllm.model_executor.layers.rotary_embedding import get_rope


def rotary(config, local):
    base = config.rope_local_base_freq if local else config.rope_theta
    return get_rope(64, max_position=64, rope_parameters={"rope_theta": base})
