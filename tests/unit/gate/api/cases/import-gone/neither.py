# vLLM 0.32.0
try:
    from vllm.nowhere import MultiModalDataDict
except ImportError:
    from vllm.multimodal.inputs import MultiModalDataDict  # <- vllm.multimodal.inputs has no MultiModalDataDict
