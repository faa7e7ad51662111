from typing import Any

from torch import nn
from vllm.model_executor.models.interfaces import SupportsMultiModal
from vllm.multimodal.processing import PromptUpdate


class Model(nn.Module, SupportsMultiModal):
    def hashes(self, known: Any) -> list[PromptUpdate]:
        return [known]
