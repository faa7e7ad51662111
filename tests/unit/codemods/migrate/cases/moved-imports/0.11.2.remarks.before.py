# What the finch is fed with.
from vllm.multimodal.inputs import (
    MultiModalDataDict,  # by modality
    MultiModalFieldConfig,  # how to batch
    # An input as the engine takes it.
    MultiModalInputs,  # and gives it back
)
from vllm.transformers_utils.tokenizer import cached_get_tokenizer  # cached, so cheap

FEED = (MultiModalDataDict, MultiModalFieldConfig, MultiModalInputs, cached_get_tokenizer)
