import torch.nn as nn
from vllm.model_executor.models.interfaces import SupportsMultiModal
from vllm.model_executor.models.llama import LlamaForCausalLM


class Finch(LlamaForCausalLM, SupportsMultiModal):
    pass
