from vllm.model_executor.layers.rotary_embedding import get_rope


def rotary(size, rotated, parameters):
    whole = get_rope(size, max_position=64, rope_parameters=parameters)
    part = get_rope(size, max_position=64, rope_parameters={**(parameters or {}), "partial_rotary_factor": rotated / size})
    return whole, part
