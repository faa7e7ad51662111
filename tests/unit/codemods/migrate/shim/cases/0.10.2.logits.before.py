import torch
from torch import nn

from vllm.model_executor.models.interfaces import SupportsMultiModal
from vllm.model_executor.sampling_metadata import SamplingMetadata


class Finch(nn.Module, SupportsMultiModal):
    def compute_logits(
        self,
        hidden_states: torch.Tensor,
        sampling_metadata: SamplingMetadata,
    ) -> torch.Tensor | None:
        return self.language_model.compute_logits(hidden_states, sampling_metadata)
