from ...config import VllmConfig  # from further up
from . import utils
from .interfaces import SupportsMultiModal


def late():
    from .llava import LlavaForConditionalGeneration

    return LlavaForConditionalGeneration, utils, SupportsMultiModal, VllmConfig
