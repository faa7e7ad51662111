# vLLM 0.32.0
from typing import TYPE_CHECKING

try:
    from vllm.inputs import MultiModalDataDict
except ImportError:
    from vllm.multimodal.inputs import MultiModalDataDict

if TYPE_CHECKING:
    from vllm.attention import Attention
