# What the finch is fed with.
from vllm.multimodal.inputs import (
    MultiModalDataDict,  # by modality
    MultiModalFieldConfig,
)
from vllm.transformers_utils.tokenizer import cached_get_tokenizer  # cached, so cheap

FEED = (MultiModalDataDict, MultiModalFieldConfig, cached_get_tokenizer)
