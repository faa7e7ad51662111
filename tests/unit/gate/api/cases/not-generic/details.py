# vLLM 0.32.0
from vllm.multimodal.processing import PromptUpdateDetails


def replacement(item: int) -> PromptUpdateDetails[list[int]]:  # <- PromptUpdateDetails takes no type in brackets
    return PromptUpdateDetails.from_seq([item])
