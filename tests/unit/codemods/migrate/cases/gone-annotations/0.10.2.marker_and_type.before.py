from torch import nn
from vllm.model_executor.models.interfaces import SupportsMultiModal, SupportsV0Only
from vllm.multimodal.processing import MultiModalHashes, PromptUpdate


class Model(nn.Module, SupportsMultiModal, SupportsV0Only):
    def hashes(self, known: MultiModalHashes) -> list[PromptUpdate]:
        return [known]
