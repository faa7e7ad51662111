"""Where names moved."""

import torch

from vllm.config import VllmConfig
from vllm.multimodal.inputs import MultiModalFieldConfig
from vllm.multimodal.processing import BaseDummyInputsBuilder

# What this plugin calls a tokenizer.
try:
    from vllm.tokenizers import TokenizerLike
except ImportError:  # vLLM before 0.12.0
    from vllm.transformers_utils.tokenizer import AnyTokenizer as TokenizerLike
from vllm.sequence import IntermediateTensors  # the stages hand it on

try:
    from vllm.inputs import MultiModalDataDict, MultiModalInput
except ImportError:  # vLLM before 0.19.0
    from vllm.multimodal.inputs import (
        MultiModalDataDict,
        MultiModalInputs as MultiModalInput,
    )


def looked_up(tokenizer: TokenizerLike) -> MultiModalInput | None:
    """Look nothing up."""
    try:
        from vllm.inputs import MultiModalUUIDDict as Uuids
    except ImportError:  # vLLM before 0.19.0
        from vllm.multimodal.inputs import MultiModalUUIDDict as Uuids

    return None if isinstance(tokenizer, TokenizerLike) else MultiModalInput(uuids=Uuids)


KNOWN = (torch, VllmConfig, MultiModalDataDict, MultiModalFieldConfig, BaseDummyInputsBuilder)
LATER = IntermediateTensors
