# What the finch is fed with.
from vllm.multimodal.inputs import (
    MultiModalFieldConfig,
)
from vllm.inputs import MultiModalDataDict  # by modality
from vllm.tokenizers import cached_get_tokenizer  # cached, so cheap

FEED = (MultiModalDataDict, MultiModalFieldConfig, cached_get_tokenizer)
