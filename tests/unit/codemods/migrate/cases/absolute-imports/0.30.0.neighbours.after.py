from vllm.config import VllmConfig  # from further up
from vllm.model_executor.models import utils
from vllm.model_executor.models.interfaces import SupportsMultiModal


def late():
    from vllm.model_executor.models.llava import LlavaForConditionalGeneration

    return LlavaForConditionalGeneration, utils, SupportsMultiModal, VllmConfig
