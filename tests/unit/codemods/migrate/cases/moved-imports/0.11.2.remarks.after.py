# What the finch is fed with.
from vllm.multimodal.inputs import (
    MultiModalFieldConfig,  # how to batch

)
from vllm.inputs import MultiModalDataDict  # by modality
# An input as the engine takes it.
from vllm.inputs import MultiModalInput  # and gives it back
from vllm.tokenizers import cached_get_tokenizer  # cached, so cheap

FEED = (MultiModalDataDict, MultiModalFieldConfig, MultiModalInput, cached_get_tokenizer)
