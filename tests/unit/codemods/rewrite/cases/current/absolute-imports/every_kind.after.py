from vllm.model_executor.models.utils import maybe_prefix  # names
from vllm.model_executor.models.interfaces import (
    SupportsLoRA,
    SupportsPP,
)
from vllm.model_executor.layers import linear
from vllm.model_executor.models import llama

if True:
    from vllm.model_executor.models.qwen2 import Qwen2Model


class Finch: ...
