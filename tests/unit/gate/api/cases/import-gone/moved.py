# vLLM 0.32.0
from vllm.attention import Attention  # <- there is no module vllm.attention
from vllm.model_executor.layers.linear import QKVParallelLinear
from vllm.multimodal.inputs import MultiModalDataDict  # <- vllm.multimodal.inputs has no MultiModalDataDict
