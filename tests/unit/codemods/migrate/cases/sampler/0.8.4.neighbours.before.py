from functools import cached_property

from torch import nn
from vllm.model_executor.layers.sampler import get_sampler
from vllm.model_executor.models.interfaces import SupportsMultiModal


class Finch(nn.Module, SupportsMultiModal):
    def compute_logits(self, hidden_states):
        return self.language_model.compute_logits(hidden_states)

    @cached_property
    def sampler(self):
        if hasattr(self.language_model, "sampler"):
            return self.language_model.sampler

        return get_sampler()

    def sample(self, logits, sampling_metadata):
        return self.language_model.sample(logits, sampling_metadata)

    def load_weights(self, weights):
        return set()
