from .utils import maybe_prefix  # names
from .interfaces import (
    SupportsLoRA,
    SupportsPP,
)
from ..layers import linear
from . import llama

if True:
    from .qwen2 import Qwen2Model


class Finch: ...
