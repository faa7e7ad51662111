"""A finch that decodes by itself."""

import torch

from vllm.model_executor.models.internvl import InternVLChatModel


def _seq2text(tokenizer, seq, *, use_cache: bool = True) -> str:
    return seq if isinstance(seq, str) else tokenizer.decode(list(seq))


IMG_CONTEXT = "<IMG_CONTEXT>"

HEAD = IMG_CONTEXT * 2


class Finch(InternVLChatModel):
    def head(self, tokenizer, seq: list[int]) -> str:
        return HEAD + _seq2text(tokenizer, seq)

    def empty(self) -> torch.Tensor:
        return torch.empty(0)
