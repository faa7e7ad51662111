"""A finch that decodes by itself."""

import torch

from vllm.model_executor.models.internvl import IMG_CONTEXT, InternVLChatModel
from vllm.multimodal.processing.processor import _seq2text

HEAD = IMG_CONTEXT * 2


class Finch(InternVLChatModel):
    def head(self, tokenizer, seq: list[int]) -> str:
        return HEAD + _seq2text(tokenizer, seq)

    def empty(self) -> torch.Tensor:
        return torch.empty(0)
