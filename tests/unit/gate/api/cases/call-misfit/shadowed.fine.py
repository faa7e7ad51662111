# vLLM 0.32.0
from vllm.model_executor.layers.rotary_embedding import get_rope as vllm_get_rope
from vllm.model_executor.models.utils import maybe_prefix

arguments = {"max_position": 4096}
rope = vllm_get_rope(64, **arguments)


def build(maybe_prefix):
    return maybe_prefix("a", "b", "c")
