"""Where names moved."""

import torch

from vllm.config import VllmConfig
from vllm.multimodal.inputs import MultiModalDataDict, MultiModalFieldConfig, MultiModalInputs
from vllm.multimodal.profiling import BaseDummyInputsBuilder

# What this plugin calls a tokenizer.
from vllm.transformers_utils.tokenizer import AnyTokenizer
from vllm.sequence import IntermediateTensors  # the stages hand it on


def looked_up(tokenizer: AnyTokenizer) -> MultiModalInputs | None:
    """Look nothing up."""
    from vllm.multimodal.inputs import MultiModalUUIDDict as Uuids

    return None if isinstance(tokenizer, AnyTokenizer) else MultiModalInputs(uuids=Uuids)


KNOWN = (torch, VllmConfig, MultiModalDataDict, MultiModalFieldConfig, BaseDummyInputsBuilder)
LATER = IntermediateTensors
