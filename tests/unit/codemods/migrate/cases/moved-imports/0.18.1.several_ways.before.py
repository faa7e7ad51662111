import torch
from vllm.multimodal.inputs import (
    MultiModalDataDict,  # moved
    MultiModalFieldConfig,
    MultiModalInputs,
)
from vllm.transformers_utils.tokenizer import AnyTokenizer

if torch.cuda.is_available():
    from vllm.multimodal.inputs import ModalityData


def process(tokenizer: AnyTokenizer, data: MultiModalDataDict) -> MultiModalInputs:
    return MultiModalFieldConfig.batched(data)
