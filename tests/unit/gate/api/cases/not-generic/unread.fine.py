# vLLM 0.32.0
from __future__ import annotations

from vllm.multimodal.processing import BaseProcessingInfo, PromptUpdateDetails
from vllm.multimodal.processing import BaseMultiModalProcessor


def replacement(item: int) -> PromptUpdateDetails[list[int]]:
    return PromptUpdateDetails.from_seq([item])


class MyProcessor(BaseMultiModalProcessor[BaseProcessingInfo]): ...
