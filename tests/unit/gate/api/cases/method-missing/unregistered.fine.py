# vLLM 0.32.0
from vllm.multimodal.processing import BaseProcessingInfo


class SharedInfo(BaseProcessingInfo):
    """What the infos of several models have in common, itself no info."""
