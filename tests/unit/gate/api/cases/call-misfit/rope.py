# vLLM 0.32.0
from vllm.model_executor.layers.rotary_embedding import get_rope
from vllm.model_executor.models.utils import AutoWeightsLoader

rope = get_rope(64, rotary_dim=64, max_position=4096)  # <- get_rope takes no 'rotary_dim'
loader = AutoWeightsLoader(rope, skip_prefixes=["lm_head."])  # <- AutoWeightsLoader takes no 'skip_prefixes'
