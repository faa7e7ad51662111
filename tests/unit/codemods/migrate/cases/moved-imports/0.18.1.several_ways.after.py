import torch
from vllm.multimodal.inputs import MultiModalFieldConfig
from vllm.tokenizers import TokenizerLike
from vllm.inputs import MultiModalDataDict, MultiModalInput  # moved

if torch.cuda.is_available():
    from vllm.inputs import ModalityData


def process(tokenizer: TokenizerLike, data: MultiModalDataDict) -> MultiModalInput:
    return MultiModalFieldConfig.batched(data)
